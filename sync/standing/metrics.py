"""`GET /metrics`: how the sync stands, in Prometheus' text format, for whoever watches the house.

Everything is asked of the database when it is scraped, so that any number of web processes say the
same and a restart loses nothing. Without ``TESSERA_METRICS_TOKEN`` there is no such page; with it,
who asks shows it as a bearer token (RFC 6750, section 2.1).
"""

import datetime as dt
import hmac
from collections.abc import Iterable

from flask import Blueprint, Flask, Response, abort, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from idp.database import now
from idp.settings import Settings
from sync.sent import activity
from sync.standing import figures
from sync.standing.figures import Figures

blueprint = Blueprint("metrics", __name__)


def init_app(app: Flask) -> None:
    """Give an app the page."""
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
def metrics() -> Response:
    """The figures of this moment. 404 without the setting, 401 for another token."""
    settings: Settings = current_app.config["TESSERA"]
    if settings.metrics_token is None:
        abort(404)
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.metrics_token.get_secret_value()
    # Bytes: compare_digest takes no text beyond ASCII, and headers may hold any.
    if scheme.lower() != "bearer" or not hmac.compare_digest(
        token.strip().encode(), wanted.encode()
    ):
        return Response(
            "", 401, {"WWW-Authenticate": 'Bearer realm="metrics"'}, mimetype="text/plain"
        )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OfTheDatabase())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class _OfTheDatabase(Collector):
    def collect(self) -> Iterable[Metric]:
        found = figures.get()
        pending = GaugeMetricFamily(
            "tessera_sync_pending", "Contacts that wait to be accepted, by lane.", labels=["lane"]
        )
        pending.add_metric(["live"], found.pending_live)
        pending.add_metric(["bulk"], found.pending - found.pending_live)
        yield pending
        for name, words, value in _gauges(found, now()):
            yield GaugeMetricFamily(name, words, value=value)
        totals = activity.totals()
        yield CounterMetricFamily(
            "tessera_sync_accepted",
            "Records that Higher Logic accepted, each as often as it was.",
            value=totals["accepted"][1],
        )
        requests = CounterMetricFamily(
            "tessera_sync_requests", "Pushes to Higher Logic, by what became of them.",
            labels=["verdict"],
        )  # fmt: skip
        for verdict, (number, _contacts) in totals.items():
            requests.add_metric([verdict.replace(" ", "_")], number)
        yield requests


def _gauges(found: Figures, moment: dt.datetime) -> Iterable[tuple[str, str, float]]:
    def age(since: dt.datetime | None, nothing: float) -> float:
        return max(0.0, (moment - since).total_seconds()) if since is not None else nothing

    yield "tessera_sync_connected", "Whether key and tenant code are set (0, 1).", found.connected
    yield "tessera_sync_failed", "Contacts whose record Higher Logic refused.", found.failed
    yield "tessera_sync_held", "Contacts that the removal guard keeps in a group.", found.held
    yield (
        "tessera_sync_last_success_age_seconds",
        "Seconds since Higher Logic accepted something; NaN when it never did.",
        age(found.last_accepted_at, float("nan")),
    )
    yield (
        "tessera_sync_oldest_pending_age_seconds",
        "Seconds that the oldest pending contact waits; 0 when nothing is pending.",
        age(found.oldest_pending_at, 0.0),
    )
    yield (
        "tessera_sync_stalled_seconds",
        "Seconds in which something was pending and nothing accepted; 0 when nothing is pending.",
        age(found.stalled_since, 0.0),
    )
    yield (
        "tessera_sync_stopped",
        "Whether Higher Logic refused the key, so that nothing is sent (0, 1).",
        found.stopped_at is not None,
    )
    yield (
        "tessera_sync_breaker_open",
        "Whether pushes are paused, since Higher Logic does not answer or asks for it (0, 1).",
        found.breaker.state != "closed",
    )
