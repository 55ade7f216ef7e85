"""The OpenAPI document, and the models that all endpoints share."""
