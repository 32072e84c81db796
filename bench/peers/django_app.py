"""Django in one file, under gunicorn with one worker of ten threads: a connection a thread (CONN_MAX_AGE)."""

import json
import os
import uuid
from urllib.parse import urlparse

import django
import jwt
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

address = urlparse(os.environ["DATABASE_URL"])
settings.configure(
    SECRET_KEY=uuid.uuid4().hex,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    APPEND_SLASH=False,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": address.path[1:],
            "USER": address.username,
            "PASSWORD": address.password,
            "HOST": address.hostname,
            "PORT": address.port,
            "CONN_MAX_AGE": None,
        }
    },
)
django.setup()


class User(models.Model):
    id = models.UUIDField(primary_key=True)
    email = models.TextField()
    email_key = models.TextField()
    email_verified_at = models.DateTimeField(null=True)
    name = models.TextField()
    name_key = models.TextField()
    username = models.TextField(null=True)
    phone = models.TextField(null=True)
    locale = models.TextField()
    timezone = models.TextField(null=True)
    external_id = models.TextField(null=True)
    metadata = models.JSONField()
    app_metadata = models.JSONField()
    deleted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    last_sign_in_at = models.DateTimeField(null=True)
    version = models.IntegerField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = 'roster"."users'


def shown(user):
    return {
        "id": user.id,
        "email": user.email,
        "emailVerified": user.email_verified_at is not None,
        "name": user.name,
        "username": user.username,
        "phone": user.phone,
        "locale": user.locale,
        "timezone": user.timezone,
        "externalId": user.external_id,
        "metadata": user.metadata,
        "appMetadata": user.app_metadata,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
        "lastSignInAt": user.last_sign_in_at,
        "version": user.version,
    }


def signed_in(view):
    def guarded(request, *parameters, **named):
        try:
            jwt.decode(
                request.headers.get("Authorization", "")[7:],
                os.environ["JWT_PUBLIC_KEY"],
                algorithms=["ES256"],
                issuer=os.environ["JWT_ISSUER"],
                audience=os.environ["JWT_AUDIENCE"],
            )
        except jwt.PyJWTError:
            return HttpResponse(status=401)
        return view(request, *parameters, **named)

    return guarded


def hello(request):
    return JsonResponse({"hello": "world"})


@signed_in
def one(request, id):
    try:
        return JsonResponse(shown(User.objects.get(pk=id)))
    except User.DoesNotExist:
        return HttpResponse(status=404)


@signed_in
def many(request):
    if request.method == "POST":
        body = json.loads(request.body)
        now = timezone.now()
        user = User.objects.create(
            id=uuid.uuid4(),
            email=body["email"],
            email_key=body["email"].lower(),
            name=body["name"],
            name_key=body["name"].lower(),
            locale="en",
            metadata={},
            app_metadata={},
            created_at=now,
            updated_at=now,
            version=1,
        )
        return JsonResponse(shown(user), status=201)
    limit = int(request.GET.get("limit", 20))
    users = User.objects.filter(deleted_at=None).order_by("-created_at", "-id")[:limit]
    return JsonResponse({"data": [shown(user) for user in users]})


urlpatterns = [
    path("hello", hello),
    path("api/v1/users/<uuid:id>", one),
    path("api/v1/users", many),
]
application = get_wsgi_application()
