"""FastAPI with asyncpg, as their documentation writes it; one process."""

import asyncio
import json
import os
import socket
import uuid

import asyncpg
import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

KEY = os.environ["JWT_PUBLIC_KEY"]
COLUMNS = os.environ["COLUMNS_SQL"]
app = FastAPI()
bearer = HTTPBearer()


class NewUser(BaseModel):
    email: str
    name: str


@app.on_event("startup")
async def connect():
    async def init(connection):
        await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")

    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10, init=init)


async def current_user(credentials: HTTPAuthorizationCredentials = Depends(bearer)):
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
async def hello():
    return {"hello": "world"}


@app.get("/api/v1/users/{id}")
async def read(id: uuid.UUID, user=Depends(current_user)):
    row = await app.state.pool.fetchrow(f"SELECT {COLUMNS} FROM roster.users WHERE id = $1", id)
    if row is None:
        raise HTTPException(status_code=404)
    return dict(row)


@app.get("/api/v1/users")
async def page(limit: int = 20, user=Depends(current_user)):
    rows = await app.state.pool.fetch(
        f"SELECT {COLUMNS} FROM roster.users WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $1", limit
    )
    return {"data": [dict(row) for row in rows]}


@app.post("/api/v1/users", status_code=201)
async def create(body: NewUser, user=Depends(current_user)):
    row = await app.state.pool.fetchrow(
        f"""INSERT INTO roster.users (id, email, email_key, name, name_key, locale, metadata, app_metadata,
              created_at, updated_at, version)
            VALUES ($1, $2, $3, $4, $5, 'en', '{{}}', '{{}}', now(), now(), 1) RETURNING {COLUMNS}""",
        uuid.uuid4(),
        body.email,
        body.email.lower(),
        body.name,
        body.name.lower(),
    )
    return dict(row)


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
