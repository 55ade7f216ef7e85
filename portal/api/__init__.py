"""What every JSON endpoint shares: the response envelope and the OpenAPI document."""
