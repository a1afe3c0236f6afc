use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use surf::http::{Method, Request, Response};
use surf::{HttpClient, StatusCode};

use super::answer::{self, Answer};
use super::connect::{Link, Origin};
use super::incoming::{Home, Incoming, Unshared};
use super::outgoing::{Payload, Sending};
use super::pool::Pool;
use super::{ClientError, Settings, request};

/// Carries requests to servers and answers back.
pub(super) struct Wire {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<Settings>,
    pool: Arc<Pool>,
}

/// What surf's response cannot hold, beside it.
pub(super) struct Beside {
    pub answer: Answer,
    pub sending: Sending,
}

impl Wire {
    pub fn new(settings: Arc<Settings>) -> Self {
        let pool = Arc::new(Pool::new(settings.pool_idle_time, settings.pool_connections_max));
        Self { shared: Arc::new(Shared { settings, pool }) }
    }
}

impl HttpClient for Wire {
    fn send<'wire, 'sent>(
        &'wire self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = surf::Result<Response>> + Send + 'sent>>
    where
        'wire: 'sent,
    {
        Box::pin(async move { self.shared.send(request).await.map_err(ClientError::into_surf) })
    }
}

impl Shared {
    async fn send(&self, mut request: Request) -> Result<Response, ClientError> {
        let origin = Origin::of(request.url())?;
        let to_head = request.method() == Method::Head;
        let repeatable = is_repeatable(&request);
        let (head, payload) = request::encode(&mut request)?;
        if let Payload::Bytes(bytes) = &payload
            && repeatable
            && let Some(link) = self.pool.take(&origin)
        {
            match self.ask(link, &origin, head.clone(), Payload::Bytes(bytes.clone()), to_head).await {
                // Most likely the server closed it while it lay idle.
                Err(ClientError::Closed) => {}
                answered => return answered,
            }
        }
        let link = origin.connect(&self.settings).await?;
        self.ask(link, &origin, head, payload, to_head).await
    }

    async fn ask(
        &self,
        link: Link,
        origin: &Origin,
        head: Vec<u8>,
        payload: Payload,
        to_head: bool,
    ) -> Result<Response, ClientError> {
        let Link { mut reading, writing } = link;
        let sending = Sending::new(writing, head, payload, self.settings.write_idle_time);
        let (answer, read_ahead) = answer::receive(&mut reading, &sending, to_head, &self.settings).await?;
        let home = (!answer.closes).then(|| Home { pool: self.pool.clone(), origin: origin.clone() });
        let incoming = Incoming::new(
            reading,
            sending.clone(),
            answer.length,
            read_ahead,
            self.settings.body_idle_time,
            home,
        );
        let mut response = Response::new(known_status(answer.status));
        response.set_body(surf::Body::from_reader(Unshared::new(incoming), None));
        response.ext_mut().insert(Beside { answer, sending });
        Ok(response)
    }
}

/// Whether the request does the same, and is answered alike, when it is carried out twice: what was deleted is not found
/// then.
fn is_repeatable(request: &Request) -> bool {
    let method = request.method();
    method.is_safe() || (method == Method::Put && request.header("if-none-match").is_none())
}

/// The status, or one of its class where http_types does not know it.
fn known_status(status: http::StatusCode) -> StatusCode {
    let class = match status.as_u16() / 100 {
        2 => StatusCode::Ok,
        3 => StatusCode::MultipleChoice,
        4 => StatusCode::BadRequest,
        _ => StatusCode::InternalServerError,
    };
    StatusCode::try_from(status.as_u16()).unwrap_or(class)
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({:?})", self.shared.settings)
    }
}
