"""FastAPI with SQLAlchemy's ORM, as its tutorial writes it; one process, its own thread pool."""

import asyncio
import json
import os
import socket
import uuid
from datetime import datetime, timezone
from typing import Any, List, Optional

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, Integer, Text, create_engine
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Session, declarative_base, sessionmaker

engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgres://", "postgresql://"), pool_size=10, max_overflow=0
)
SessionLocal = sessionmaker(autocommit=False, autoflush=False, bind=engine)
Base = declarative_base()
KEY = os.environ["JWT_PUBLIC_KEY"]
app = FastAPI()
bearer = HTTPBearer()


class User(Base):
    __tablename__ = "users"
    __table_args__ = {"schema": "roster"}
    id = Column(UUID(as_uuid=True), primary_key=True)
    email = Column(Text)
    email_key = Column(Text)
    email_verified_at = Column(DateTime(timezone=True))
    name = Column(Text)
    name_key = Column(Text)
    username = Column(Text)
    phone = Column(Text)
    locale = Column(Text)
    timezone = Column(Text)
    external_id = Column(Text)
    metadata_ = Column("metadata", JSONB)
    app_metadata = Column(JSONB)
    deleted_at = Column(DateTime(timezone=True))
    created_at = Column(DateTime(timezone=True))
    updated_at = Column(DateTime(timezone=True))
    last_sign_in_at = Column(DateTime(timezone=True))
    version = Column(Integer)


class UserOut(BaseModel):
    id: uuid.UUID
    email: str
    name: str
    username: Optional[str]
    phone: Optional[str]
    locale: str
    timezone: Optional[str]
    external_id: Optional[str]
    metadata_: Any
    app_metadata: Any
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: Optional[datetime]
    version: int

    class Config:
        orm_mode = True


class Page(BaseModel):
    data: List[UserOut]


class NewUser(BaseModel):
    email: str
    name: str


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


def current_user(credentials: HTTPAuthorizationCredentials = Depends(bearer)):
    try:
        return jwt.decode(
            credentials.credentials,
            KEY,
            algorithms=["ES256"],
            issuer=os.environ["JWT_ISSUER"],
            audience=os.environ["JWT_AUDIENCE"],
        )
    except jwt.PyJWTError:
        raise HTTPException(status_code=401)


@app.get("/hello")
def hello():
    return {"hello": "world"}


@app.get("/api/v1/users/{id}", response_model=UserOut)
def read(id: uuid.UUID, db: Session = Depends(get_db), user=Depends(current_user)):
    found = db.query(User).filter(User.id == id).first()
    if found is None:
        raise HTTPException(status_code=404)
    return found


@app.get("/api/v1/users", response_model=Page)
def page(limit: int = 20, db: Session = Depends(get_db), user=Depends(current_user)):
    query = db.query(User).filter(User.deleted_at.is_(None))
    return {"data": query.order_by(User.created_at.desc(), User.id.desc()).limit(limit).all()}


@app.post("/api/v1/users", response_model=UserOut, status_code=201)
def create(body: NewUser, db: Session = Depends(get_db), user=Depends(current_user)):
    now = datetime.now(timezone.utc)
    made = User(
        id=uuid.uuid4(),
        email=body.email,
        email_key=body.email.lower(),
        name=body.name,
        name_key=body.name.lower(),
        locale="en",
        metadata_={},
        app_metadata={},
        created_at=now,
        updated_at=now,
        version=1,
    )
    db.add(made)
    db.commit()
    db.refresh(made)
    return made


async def main():
    # With its protocol said, asyncio sends without delay (TCP_NODELAY).
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    task = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.05)
    port = listener.getsockname()[1]
    print(json.dumps({"ready": True, "urls": {"api": f"http://127.0.0.1:{port}"}}, separators=(",", ":")), flush=True)
    await task


asyncio.run(main())
