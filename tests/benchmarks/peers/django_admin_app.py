"""Django's admin with one model, without sign-in."""

from __future__ import annotations

import os

import django
from django.conf import settings
from sqlalchemy.engine import make_url

url = make_url(os.environ["DATABASE_URL"])
on_sqlite = url.get_backend_name() == "sqlite"
settings.configure(
    SECRET_KEY="measured",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=False,
    STATIC_URL="/static/",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3" if on_sqlite else "django.db.backends.postgresql",
            "NAME": url.database,
            "USER": url.username or "",
            "HOST": url.query.get("host", ""),
            "CONN_MAX_AGE": 600,
        }
    },
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        f"{__name__}.sign_everyone_in",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    MESSAGE_STORAGE="django.contrib.messages.storage.cookie.CookieStorage",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402

# Without choices, Django's filter would search every row for the statuses at every request.
STATUSES = ("pending", "active", "paused", "stopped", "completed")

superuser = User(pk=1, username="bench", is_staff=True, is_superuser=True)


def sign_everyone_in(get_response):
    """Make every visitor a superuser."""

    def middleware(request):
        request.user = superuser
        return get_response(request)

    return middleware


class Batch(models.Model):
    public_id = models.CharField(max_length=24)
    user_id = models.IntegerField()
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=20, choices=[(word, word) for word in STATUSES])
    total_calls = models.IntegerField()
    calls_picked = models.IntegerField()
    calls_completed = models.IntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted = models.BooleanField()

    class Meta:
        app_label = "admin"
        managed = False
        db_table = "batches"

    def __str__(self) -> str:
        return self.name


@admin.register(Batch)
class BatchAdmin(admin.ModelAdmin):
    """The list of batches that are not deleted, with a filter for the user."""

    list_display = (
        "public_id", "name", "status", "total_calls", "calls_picked", "calls_completed", "created_at", "updated_at",
    )  # fmt: skip
    list_per_page = 10
    show_full_result_count = False  # as its documentation advises for large tables
    list_filter = ("status",)
    search_fields = ("name",)
    ordering = ("-created_at", "-id")

    def get_queryset(self, request):
        return super().get_queryset(request).filter(deleted=False)


urlpatterns = [path("admin/", admin.site.urls)]
app = get_wsgi_application()
