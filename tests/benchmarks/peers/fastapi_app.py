"""FastAPI with fastapi-pagination."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi_pagination import Page, add_pagination
from fastapi_pagination.ext.sqlalchemy import paginate
from pydantic import BaseModel, ConfigDict
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from tests.benchmarks.peers.models import DATABASE_URL, matching

engine = create_engine(DATABASE_URL)
app = FastAPI()


class BatchOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    public_id: str
    name: str
    total_calls: int
    calls_picked: int
    calls_completed: int
    status: str
    created_at: datetime
    updated_at: datetime


def session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@app.get("/batches/{user_id}")
def batches(user_id: int, database: Annotated[Session, Depends(session)], search: str | None = None) -> Page[BatchOut]:
    return paginate(database, matching(user_id, search))


add_pagination(app)
