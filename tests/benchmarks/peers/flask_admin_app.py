"""Flask-Admin's list of a model, without sign-in."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy import SQLAlchemy

from tests.benchmarks.peers.models import DATABASE_URL, Base, Batch

db = SQLAlchemy(model_class=Base)
app = Flask(__name__)
app.config.update(SQLALCHEMY_DATABASE_URI=DATABASE_URL, SECRET_KEY="measured")
db.init_app(app)


class BatchView(ModelView):
    """The list of batches that are not deleted, with a filter for the user."""

    can_create = can_edit = can_delete = False
    page_size = 10
    named_filter_urls = True
    column_list = (
        "public_id", "name", "status", "total_calls", "calls_picked", "calls_completed", "created_at", "updated_at",
    )  # fmt: skip
    column_filters = ("user_id", "status")
    column_searchable_list = ("name",)
    column_default_sort = [("created_at", True), ("id", True)]  # noqa: RUF012

    def get_query(self):
        return super().get_query().filter_by(deleted=False)

    def get_count_query(self):
        return super().get_count_query().filter_by(deleted=False)


admin = Admin(app, name="Batches")
admin.add_view(BatchView(Batch, db, endpoint="batches"))
