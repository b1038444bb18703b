"""How the metrics of one process are read: always to be pulled, and pushed by OTLP when the environment says where."""

from collections.abc import Iterable
from itertools import accumulate

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.samples import Exemplar as ShownExemplar

from causerie.telemetry.catalogue import book
from causerie.telemetry.environment import exporter_of, resource
from causerie.telemetry.histograms import Buckets, Series
from causerie.telemetry.instruments import DURATION_BUCKETS, Durations, Number, Numbers


class Exposition:
    """The metrics of one process; they begin anew with each of these."""

    def __init__(self, service: str) -> None:
        metrics = book.of(service)
        of_sdk = CollectorRegistry()
        readers: list[MetricReader] = [
            PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=of_sdk)
        ]
        is_pushed = exporter_of("METRICS") == "otlp"
        if is_pushed:
            # Imported here: it brings an HTTP stack that a process without a collector never needs.
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        self._registry = CollectorRegistry()
        self._registry.register(_Shown(metrics, of_sdk))
        self._provider = MeterProvider(readers, resource(service))
        meter = self._provider.get_meter("causerie")
        for metric in metrics:
            _bind(metric, meter, is_pushed=is_pushed)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The text in the format that the asker would rather have, and its type. Only OpenMetrics has exemplars."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def shut_down(self) -> None:
        self._provider.shutdown()


def _bind(metric: book.Metric, meter: Meter, *, is_pushed: bool) -> None:
    """Hand one of ours to the SDK."""
    match metric:
        case Buckets():
            metric.bind(meter if is_pushed else None)
        case Durations():
            metric.bind(meter)
        case Number(grows=True) | Numbers(grows=True):
            meter.create_observable_counter(metric.name, [metric.observe], metric.unit, metric.description)
        case Number() | Numbers():
            meter.create_observable_gauge(metric.name, [metric.observe], metric.unit, metric.description)


class _Shown:
    """What is pulled: the histograms that we count, by us, with their exemplars; the rest by the SDK.

    It knows ours too where they are pushed, and leaves out those nobody has recorded in: dashboards would show a hole.
    """

    def __init__(self, metrics: Iterable[book.Metric], of_sdk: CollectorRegistry) -> None:
        self._of_sdk = of_sdk
        self._buckets = [metric for metric in metrics if isinstance(metric, Buckets)]
        self._durations = [metric for metric in metrics if isinstance(metric, Durations)]

    def collect(self) -> Iterable[Metric]:
        ours = {book.prometheus_name(histogram) for histogram in self._buckets}
        yield from (family for family in self._of_sdk.collect() if family.name not in ours)
        for histogram in self._buckets:
            labels = [histogram.attribute.replace(".", "_")] if histogram.attribute else []
            family = HistogramMetricFamily(book.prometheus_name(histogram), histogram.description, labels=labels)
            for value, series in histogram.series.items():
                family.add_metric([value] if labels else [], _shown(histogram.bounds, series), series.sum)
            yield family
        for empty in self._durations:
            if empty.is_empty:
                nothing = Series(len(DURATION_BUCKETS) + 1)
                name = book.prometheus_name(empty)
                yield HistogramMetricFamily(
                    name, empty.description, buckets=_shown(DURATION_BUCKETS, nothing), sum_value=0.0
                )


def _shown(bounds: Iterable[float], series: Series) -> list[tuple[str, float] | tuple[str, float, ShownExemplar]]:
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    shown: list[tuple[str, float] | tuple[str, float, ShownExemplar]] = []
    for place, (name, count) in enumerate(zip(names, accumulate(series.counts), strict=True)):
        exemplar = series.exemplars.get(place)
        if exemplar is None:
            shown.append((name, count))
        else:
            named = {"trace_id": exemplar.trace_id}
            shown.append((name, count, ShownExemplar(named, exemplar.value, exemplar.at)))
    return shown
