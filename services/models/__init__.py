"""Model servers: the catalog of them, the adapters that speak to them, their health, and the embedded one's weights."""
