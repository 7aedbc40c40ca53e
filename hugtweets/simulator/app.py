"""The endpoints of X API v2 that hugtweets calls, those of the other networks, and four of the simulator's own."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from starlette.requests import Request

from hugtweets.errors import HugtweetsError
from hugtweets.simulator import problems
from hugtweets.simulator.bluesky import add_bluesky
from hugtweets.simulator.faults import Fault
from hugtweets.simulator.mastodon import add_mastodon
from hugtweets.simulator.middleware import ApiMiddleware
from hugtweets.simulator.pages import page_of
from hugtweets.simulator.problems import Body
from hugtweets.simulator.queries import IdsQuery, InvalidRequest, Query, TimelineQuery, UsersQuery, check_id
from hugtweets.simulator.rendering import expand_users, render_post, render_user
from hugtweets.simulator.state import State


def create_app(state: State) -> FastAPI:
    """The application: look-ups, timelines, and control of the simulator."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(ApiMiddleware, state=state)
    app.add_exception_handler(InvalidRequest, lambda _, error: JSONResponse(error.args[0], 400))
    app.add_exception_handler(
        HugtweetsError, lambda _, error: JSONResponse(problems.refusal(500) | {"detail": str(error)}, 500)
    )
    _add_lookups(app, state)
    _add_timelines(app, state)
    add_bluesky(app, state)
    add_mastodon(app, state)
    _add_control(app, state)
    return app


def _add_lookups(app: FastAPI, state: State) -> None:
    @app.get("/2/users/by")
    def users_by(request: Request) -> JSONResponse:
        query = UsersQuery.parse(request.query_params)
        usernames = {name.casefold(): name for name in query.usernames}.values()
        found = [_look_up(state, name, "usernames", query) for name in usernames]
        users = [user for user, _ in found if user]
        errors = [error for _, error in found if error]
        state.count(users=len(users))
        return _answer(data=users, errors=errors)

    @app.get("/2/users/by/username/{username}")
    def user_by_username(request: Request, username: str) -> JSONResponse:
        user, error = _look_up(state, username, "username", Query.parse(request.query_params))
        state.count(users=1 if user else 0)
        return _answer(data=user, errors=[error] if error else [])


def _look_up(state: State, name: str, parameter: str, query: Query) -> tuple[Body | None, Body | None]:
    """The user of that name, or the error that says why there is none."""
    account = state.accounts.named(name)
    if account is None:
        return None, problems.not_found(parameter, name)
    if account.state == "suspended":
        return None, problems.suspended(parameter, name)
    posts = len(state.accounts.posts(account)) if "public_metrics" in query.user_fields else None
    return render_user(account, query.user_fields, posts), None


def _add_timelines(app: FastAPI, state: State) -> None:
    @app.get("/2/users/{identifier}/tweets")
    def tweets(request: Request, identifier: str) -> JSONResponse:
        query = TimelineQuery.parse(request.query_params)
        check_id(identifier)
        account = state.accounts.numbered(identifier)
        if account is None:
            return _answer(errors=[problems.not_found("id", identifier)])
        if account.state != "ok":
            problem = problems.suspended if account.state == "suspended" else problems.protected
            return _answer(errors=[problem("id", identifier)])
        page = page_of(state.accounts.posts(account), query, request.state.fault)
        users, errors = expand_users(page.posts, account, query)
        if request.state.fault and request.state.fault.kind == "hydration":
            errors.append(problems.not_hydrated("entities"))
        request.state.posts = tuple(post.id for post in page.posts)
        state.count(posts=len(page.posts), users=len(users))
        data = [render_post(post, account, query) for post in page.posts]
        return _answer(data=data, includes={"users": users} if users else {}, errors=errors, meta=page.meta)

    @app.get("/2/tweets")
    def tweets_by_ids(request: Request) -> JSONResponse:
        query = IdsQuery.parse(request.query_params)
        found = [_look_up_post(state, identifier, query) for identifier in dict.fromkeys(query.ids)]
        posts = [post for post, _ in found if post]
        errors = [error for _, error in found if error]
        request.state.posts = tuple(post["id"] for post in posts)
        state.count(posts=len(posts))
        return _answer(data=posts, errors=errors)


def _look_up_post(state: State, identifier: str, query: IdsQuery) -> tuple[Body | None, Body | None]:
    """The post of that id, or the error that says why there is none."""
    found = state.accounts.find(identifier)
    if found is None:
        return None, problems.no_such_post(identifier)
    account, post = found
    if account.state != "ok":
        return None, problems.hidden_post(identifier)
    return render_post(post, account, query), None


def _add_control(app: FastAPI, state: State) -> None:
    @app.get("/usage")
    def usage() -> dict[str, int]:
        return {"requests": len(state.requests), "posts": state.posts_served, "users": state.users_served}

    @app.get("/requests")
    def asked() -> list[dict[str, Any]]:
        return [asdict(request) for request in state.requests]

    @app.post("/faults", status_code=204, response_class=Response)
    def add_faults(faults: list[Fault]) -> None:
        state.faults.add(faults)

    @app.delete("/faults", status_code=204, response_class=Response)
    def clear_faults() -> None:
        state.faults.clear()


def _answer(**parts: Any) -> JSONResponse:
    """HTTP 200; like X, without the parts that would be empty."""
    return JSONResponse({name: part for name, part in parts.items() if part})
