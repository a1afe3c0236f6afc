use std::sync::Arc;
use std::time::Duration;

use futures_lite::future;
use smol::Timer;
use wharfinger_core::Bounds;
use wharfinger_core::store::Reply;
use wharfinger_core::swift::{
    Endpoint, HttpHead, Info, InfoError, Rendered, Verdict, classify_container, render_containers,
    render_info,
};

use super::login;
use super::temp_urls::TempUrls;
use super::tokens::{Tokens, now};
use super::{Settings, Shared, StartError, Swift, tls};
use crate::client::{self, Body, Client, ClientError, Late, Response, Tls};
use crate::clouds;

impl Swift {
    /// Finds the cloud, logs in, creates the containers where they are missing, and asks Swift for its limits.
    ///
    /// # Errors
    /// The cloud cannot be found or reached, or refuses.
    pub async fn start(settings: &Settings) -> Result<(Self, Bounds), StartError> {
        let mut shared = log_in(settings).await?;
        let Shared { client, endpoint, tokens, call_time, .. } = &shared;
        create_containers(client, endpoint, tokens, *call_time).await?;
        let info = ask_info(client, endpoint, *call_time).await?;
        let bounds = info.bounds(endpoint).ok_or(StartError::NoLargeObjects)?;
        let bytes_max = bounds.small_segment_bytes();
        if bounds.joins.part_bytes_min > u64::from(bytes_max) {
            return Err(StartError::LongSegments { bytes: bounds.joins.part_bytes_min, bytes_max });
        }
        let redirect = settings.redirect.as_ref();
        let temp_urls = redirect.map(|redirect| TempUrls::new(redirect, endpoint, &info)).transpose();
        shared.temp_urls = temp_urls.map_err(StartError::Redirect)?;
        let swift = Self(Arc::new(shared));
        swift.check_keys().await.map_err(StartError::Keys)?;
        Ok((swift, bounds))
    }

    /// Finds the cloud and logs in, and asks Swift itself nothing.
    ///
    /// # Errors
    /// The cloud cannot be found or reached, or refuses.
    pub async fn log_in(settings: &Settings) -> Result<Self, StartError> {
        Ok(Self(Arc::new(log_in(settings).await?)))
    }
}

async fn log_in(settings: &Settings) -> Result<Shared, StartError> {
    let cloud = clouds::find_for_process(settings.cloud.as_deref()).map_err(StartError::Cloud)?;
    let login = login::of(&cloud)?;
    let mut client = open(tls::to_log_in(&cloud)?);
    let call_time = settings.call_time;
    let session = login::log_in(&login, &client, call_time).await.map_err(|error| StartError::Login {
        cloud: cloud.name.clone(),
        auth_url: cloud.auth.auth_url.clone(),
        error,
    })?;
    if let Some(tls) = tls::to_store(&cloud, &session.storage_url)? {
        client = open(Some(tls));
    }
    let (container, segments) = (&settings.container, &settings.segments_container);
    let endpoint = Endpoint::new(&session.storage_url, container, segments).map_err(StartError::Endpoint)?;
    let tokens = Tokens::new(client.clone(), login, call_time, session);
    Ok(Shared { client, endpoint, tokens, call_time, temp_urls: None })
}

fn open(tls: Option<Tls>) -> Client {
    Client::new(client::Settings {
        // Core ends every call in its own time, which depends on the op.
        answer_time: ANSWER_TIME_MAX,
        tls,
        ..client::Settings::default()
    })
}

/// A token that is not taken is renewed once: one of those that soon end may have ended on the way.
async fn create_containers(
    client: &Client,
    endpoint: &Endpoint,
    tokens: &Tokens,
    time: Duration,
) -> Result<(), StartError> {
    let mut renewed = false;
    let mut created = 0;
    loop {
        let held = tokens.get(true).await;
        let Some(rendered) = render_containers(endpoint, &held.token).into_iter().nth(created) else {
            return Ok(());
        };
        let url = rendered.request.uri().to_string();
        let (response, _) = ask(client, rendered, time).await?;
        match classify_container(&HttpHead::new(response.status, &response.headers)) {
            Verdict::Reply(Reply::Done) => created += 1,
            Verdict::TokenRejected if !renewed => {
                renewed = true;
                tokens.reject(held.number);
            }
            Verdict::Reply(_) | Verdict::Body { .. } | Verdict::TokenRejected => {
                return Err(StartError::Container { url, status: response.status });
            }
        }
    }
}

async fn ask_info(client: &Client, endpoint: &Endpoint, time: Duration) -> Result<Info, StartError> {
    let (response, body) = ask(client, render_info(endpoint), time).await?;
    if let Some(date) = HttpHead::new(response.status, &response.headers).date {
        warn_of_skew(date, now());
    }
    let info = match Info::read(response.status, &body) {
        Ok(info) => info,
        Err(error @ (InfoError::Hidden { .. } | InfoError::Strange)) => {
            tracing::warn!("{error}");
            Info::default()
        }
        Err(error @ InfoError::Unavailable { .. }) => return Err(StartError::Info(error)),
    };
    Ok(info)
}

/// The whole answer; of one that is too long only the head.
async fn ask(client: &Client, rendered: Rendered, time: Duration) -> Result<(Response, Vec<u8>), StartError> {
    let url = rendered.request.uri().to_string();
    ask_within(client, rendered, time).await.map_err(|error| StartError::Unreachable { url, error })
}

/// The same, with the reason of a failure alone.
pub(super) async fn ask_within(
    client: &Client,
    rendered: Rendered,
    time: Duration,
) -> Result<(Response, Vec<u8>), ClientError> {
    let asked = async {
        let mut response = client.send(rendered.request, Body::Empty).await?;
        match response.collect(Info::BYTES_MAX as usize).await {
            Ok(body) => Ok((response, body)),
            Err(ClientError::TooLong) => Ok((response, Vec::new())),
            Err(error) => Err(error),
        }
    };
    let late = async {
        Timer::after(time).await;
        Err(ClientError::Late(Late::Answer))
    };
    future::or(asked, late).await
}

fn warn_of_skew(theirs: u64, ours: u64) {
    let seconds = theirs.abs_diff(ours);
    if seconds > SKEW_SECONDS_MAX {
        tracing::warn!(
            seconds,
            "the clocks of Swift and of this machine differ; set both with NTP, or ages are wrong and writes may be dropped"
        );
    }
}

/// A difference of clocks that is worth a word.
const SKEW_SECONDS_MAX: u64 = 5;

const ANSWER_TIME_MAX: Duration = Duration::from_secs(24 * 3600);
