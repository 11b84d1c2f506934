//! Spans: one per job and one per call of the host's, exported by OTLP where a receiver is set. Without
//! one nobody wants them, and they cost nothing.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>

use crate::cloud::Receiver;
use crate::plan::Job;
use crate::report::{Report, Status};
use crate::settings::Otlp;
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use std::time::Duration;
use tracing::field::Empty;
use tracing::{Instrument, Level, Metadata, Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;
use warp::http::HeaderMap;

/// Spans that wait for their export; further ones are dropped, so that a slow receiver costs memory of
/// this size at most.
const WAITING_SPANS: usize = 2048;
/// Spans in one request.
const SPANS_PER_REQUEST: usize = 256;
/// How long a span waits for others. The host kills without a warning: so much may be lost.
const DELAY: Duration = Duration::from_secs(1);
/// How long the end of the program waits for what isn't exported yet.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// The export of spans; without a receiver it does nothing.
#[derive(Debug, Default)]
pub struct Telemetry(Option<Export>);

#[derive(Debug)]
struct Export {
    provider: SdkTracerProvider,
    /// The least important spans that are exported.
    spans: Level,
}

impl Telemetry {
    /// Exports to this receiver, by a thread of its own: what is traced never waits for it.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings that the exporter reads by itself.
    pub fn start(otlp: &Otlp) -> Result<Telemetry, String> {
        let headers = otlp.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.secret().to_owned()));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Receiver::new(otlp.timeout))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(otlp.endpoint.as_str())
            .with_headers(headers.collect())
            .with_timeout(otlp.timeout)
            .build()
            .map_err(|error| format!("OpenTelemetry's settings make no exporter ({error})"))?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_SPANS)
            .with_max_export_batch_size(SPANS_PER_REQUEST)
            .with_scheduled_delay(DELAY)
            .build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let attribute =
            |(name, value): (&String, &String)| KeyValue::new(name.clone(), value.clone());
        let resource =
            Resource::builder_empty().with_attributes(otlp.resource.iter().map(attribute));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_resource(resource.build())
            // Not by the parent: the host's flag is about its own spans, and jobs are few.
            .with_sampler(Sampler::AlwaysOn)
            .build();
        let spans = if otlp.in_detail { Level::DEBUG } else { Level::INFO };
        Ok(Telemetry(Some(Export { provider, spans })))
    }

    /// What makes OpenTelemetry's spans of ours, with the warnings that are logged within them.
    pub fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Export { provider, spans } = self.0.as_ref()?;
        let least = *spans;
        let exported = move |what: &Metadata<'_>| {
            let least = if what.is_span() { least } else { Level::WARN };
            what.target().starts_with("posture") && *what.level() <= least
        };
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("posture"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(filter_fn(exported)))
    }

    /// Exports what is left, for two seconds at most.
    pub async fn stop(self) {
        let Some(Export { provider, .. }) = self.0 else { return };
        let ended =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_MOMENT));
        // The receiver itself says what went wrong.
        let _ = tokio::time::timeout(LAST_MOMENT, ended).await;
    }
}

tokio::task_local! {
    /// The host's id of the call that is answered.
    static INVOCATION: String;
}

/// Answers a call of the host's within a span, below the host's own where it sends one.
pub async fn call<T>(
    function: &'static str,
    invocation: &str,
    headers: &HeaderMap,
    answer: impl Future<Output = T>,
) -> T {
    let span = info_span!("call", otel.name = function, otel.kind = "server", invocation);
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    if parent.span().span_context().is_valid() {
        // Only a span that is exported nowhere can't have a parent.
        let _ = span.set_parent(parent);
    }
    INVOCATION.scope(invocation.to_owned(), answer).instrument(span).await
}

/// The span of one attempt at a job, with the fields of its line in the log.
pub fn job(job: &Job) -> Span {
    let invocation = INVOCATION.try_with(Clone::clone).ok().filter(|id| !id.is_empty());
    info_span!(
        "job",
        invocation,
        file = job.file,
        findings = job.findings.then_some(true),
        source = job.source.name,
        run = %job.run,
        tenant = job.tenant,
        tenant_name = Empty,
        status = Empty,
        records = Empty,
        sent = Empty,
        requests = Empty,
        took_ms = Empty,
        otel.status_code = Empty,
        otel.status_description = Empty,
    )
}

/// Writes into a job's span what became of it.
pub fn ended(span: &Span, report: &Report) {
    let Report { tenant_name, tally, .. } = report;
    span.record("tenant_name", tenant_name);
    span.record("status", report.status.name());
    span.record("records", tally.kept);
    span.record("sent", tally.sent);
    span.record("requests", tally.requests);
    span.record("took_ms", tally.took_ms);
    match report.status {
        Status::Refused | Status::Failed => {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", &report.message);
        }
        _ => _ = span.record("otel.status_code", "OK"),
    }
}
