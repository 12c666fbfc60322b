"""The ASGI application of the central store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.central.routes import device_routes, open_routes, problem
from app.central.services import CentralServices
from app.logs import get_logger


def create_app(services: CentralServices) -> FastAPI:
    """Return the application on services that are ready; it closes them when it stops."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        services.close()

    app = FastAPI(title="Rollcall central store", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(open_routes(services))
    app.include_router(device_routes(services))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        # The kind only: texts of drivers quote values.
        get_logger().error("unexpected", page=request.url.path, exc=error)
        return problem(500, "unexpected", "The central store met an error of its own. Your work is kept.")

    return app
