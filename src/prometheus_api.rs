//! Questions to the HTTP API of Prometheus, which `VictoriaMetrics`, Mimir and Thanos have too. It sends `PromQL` and returns series. What
//! comes back is checked before it is used: an answer that is partial or makes no sense is an error, never a smaller answer.

mod answer;

use std::time::Duration;

use form_urlencoded::Serializer;
use thiserror::Error;

use crate::names::escape_start_for_terminal;
use crate::web_client::{Authorization, Limits, Url, WebClient, WebError, WebRequest, WebResponse};
pub(crate) use answer::Series;

/// The answer of a range over 14 days in 15 minutes has 30 kB for each series.
const MOST_BYTES: usize = 64 << 20;
/// How much of an error message of the API is shown.
const SHOWN: usize = 200;

/// A query in `PromQL`. Times are seconds since the epoch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Question {
    At {
        query: String,
        time: f64,
    },
    Over {
        query: String,
        start: f64,
        end: f64,
        /// Seconds.
        step: u32,
    },
}

impl Question {
    pub(crate) fn query(&self) -> &str {
        match self {
            Self::At { query, .. } | Self::Over { query, .. } => query,
        }
    }

    fn path(&self) -> &'static str {
        match self {
            Self::At { .. } => "/api/v1/query",
            Self::Over { .. } => "/api/v1/query_range",
        }
    }

    fn form(&self) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("query", self.query());
        match self {
            Self::At { time, .. } => {
                form.append_pair("time", &time.to_string());
            }
            Self::Over {
                start, end, step, ..
            } => {
                form.append_pair("start", &start.to_string())
                    .append_pair("end", &end.to_string())
                    .append_pair("step", &step.to_string())
                    // VictoriaMetrics would else move the start and the end.
                    .append_pair("nocache", "1");
            }
        }
        form.finish()
    }
}

/// Why there is no answer. Its text is one line, whatever the API sent.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error("asking Prometheus")]
    Web(#[source] WebError),
    #[error("{origin} refuses the user, the password or the token (HTTP {status})")]
    Refused { origin: String, status: u16 },
    #[error("{origin} has no API of Prometheus at this address (HTTP {status})")]
    NotFound { origin: String, status: u16 },
    #[error("{origin} answers HTTP {status}{reason}")]
    Status {
        origin: String,
        status: u16,
        reason: String,
    },
    #[error("the answer of {origin} cannot be used: {problem}")]
    Answer { origin: String, problem: String },
}

/// One server of the API.
#[derive(Debug)]
pub(crate) struct PrometheusApi {
    client: WebClient,
    base: Url,
    authorization: Authorization,
    deadline: Duration,
}

impl PrometheusApi {
    /// `base` is the address without `/api/v1`. `deadline` is for each question.
    pub(crate) fn new(
        client: WebClient,
        base: Url,
        authorization: Authorization,
        deadline: Duration,
    ) -> Self {
        Self {
            client,
            base,
            authorization,
            deadline,
        }
    }

    /// The scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.base.origin()
    }

    /// The series of the answer, each with at least one value.
    pub(crate) async fn ask(&mut self, question: &Question) -> Result<Vec<Series>, ApiError> {
        let origin = self.origin();
        let unusable = |problem: String| ApiError::Answer {
            origin: origin.clone(),
            problem,
        };
        let url = self.base.with_path(question.path());
        let url = url.ok_or_else(|| unusable("the address has no valid path".to_owned()))?;
        let request = WebRequest {
            url,
            authorization: self.authorization.clone(),
            content_type: "application/x-www-form-urlencoded",
            body: question.form().into_bytes(),
        };
        let limits = Limits {
            deadline: self.deadline,
            bytes: MOST_BYTES,
        };
        let response = self.client.post(request, limits).await;
        let response = response.map_err(ApiError::Web)?;
        if !response.is_success() {
            return Err(refusal(origin, &response));
        }
        answer::read(&response.body, question).map_err(unusable)
    }
}

fn refusal(origin: String, response: &WebResponse) -> ApiError {
    let status = response.status;
    let reason = answer::error_text(&response.body).map(|text| format!(": {}", shown(&text)));
    match (status, reason) {
        (401 | 403, _) => ApiError::Refused { origin, status },
        (404, None) => ApiError::NotFound { origin, status },
        (_, reason) => ApiError::Status {
            origin,
            status,
            reason: reason.unwrap_or_default(),
        },
    }
}

/// A part of a text of the API, on one line.
fn shown(text: &str) -> String {
    escape_start_for_terminal(text, SHOWN)
}
