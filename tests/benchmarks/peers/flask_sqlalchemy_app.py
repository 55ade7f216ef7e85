"""Plain Flask-SQLAlchemy: paginate and jsonify."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request
from flask_sqlalchemy import SQLAlchemy

from tests.benchmarks.peers.models import DATABASE_URL, Base, Batch, matching

db = SQLAlchemy(model_class=Base)
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = DATABASE_URL
db.init_app(app)


@app.get("/batches/<int:user_id>")
def batches(user_id: int) -> Response:
    query = matching(user_id, request.args.get("search"), request.args.get("status"))
    page = db.paginate(query, page=request.args.get("page", 1, int), per_page=10, error_out=False)
    pagination = {"total": page.total, "page": page.page, "limit": page.per_page, "totalPages": page.pages}
    return jsonify(batches=[batch_json(batch) for batch in page], pagination=pagination)


def batch_json(batch: Batch) -> dict[str, object]:
    return {
        "_id": batch.public_id,
        "batchName": batch.name,
        "totalCalls": batch.total_calls,
        "callsPicked": batch.calls_picked,
        "callsCompleted": batch.calls_completed,
        "queue_status": batch.status,
        "createdAt": batch.created_at.isoformat(),
        "updatedAt": batch.updated_at.isoformat(),
    }
