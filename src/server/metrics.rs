//! How the server does, for those who run it (Prometheus text format): by route, never by account
//! or user.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::AppState;
use super::asker::CurrentUser;
use super::params;
use super::problem::Problem;

/// Up to how many seconds each count goes.
const SECONDS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 30.0];

/// Which requests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Labels {
    method: String,
    route: String,
    status: u16,
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        let status = self.status.to_string();
        [("method", self.method.as_str()), ("route", &self.route), ("status", &status)].encode(encoder)
    }
}

/// Which kind of route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Route(String);

impl EncodeLabelSet for Route {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        [("route", self.0.as_str())].encode(encoder)
    }
}

/// The status of a request that nobody waited for the answer of.
const HUNG_UP: u16 = 499;

/// A request that is being answered, until it is let go of.
pub(super) struct Begun {
    metrics: Arc<Metrics>,
    labels: Labels,
    at: Instant,
}

impl Begun {
    /// It was answered; gives how long that took.
    pub(super) fn finish(mut self, status: u16) -> Duration {
        self.labels.status = status;
        self.at.elapsed()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Self { metrics, labels, at } = self;
        metrics.running.dec();
        metrics.requests.get_or_create(labels).inc();
        metrics.took.get_or_create(&Route(labels.route.clone())).observe(at.elapsed().as_secs_f64());
        if labels.status == HUNG_UP {
            tracing::info!(method = labels.method, route = labels.route, status = HUNG_UP, "hung up");
        }
    }
}

/// What is counted.
pub(super) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    took: Family<Route, Histogram, fn() -> Histogram>,
    running: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("simdeck");
        let requests = Family::default();
        let took = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let running = Gauge::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register_with_unit("http_request", "How long they took", Unit::Seconds, took.clone());
        registry.register("http_requests_running", "Requests being answered", running.clone());
        Self { registry: Mutex::new(registry), requests, took, running }
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>, method: &Method, route: &str) -> Begun {
        self.running.inc();
        // The method is as it was sent: what is none is counted as one.
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str());
        let method = if known { method.to_string() } else { "other".to_owned() };
        let labels = Labels { method, route: route.to_owned(), status: HUNG_UP };
        Begun { metrics: Arc::clone(self), labels, at: Instant::now() }
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// The counts: for those who see every account.
pub(super) async fn page(
    State(served): State<AppState>,
    asker: CurrentUser,
    request: Parts,
) -> Result<Response, Problem> {
    params::none(&request)?;
    served.work(&asker, |local, _| local.sees_all()).await?;
    let text = served.metrics.text().map_err(|e| Problem::internal_error(&e))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
