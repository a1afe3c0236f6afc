//! Where a client waits: it is a future that is polled when its reply has come or its time is over.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::body::Body;
use super::oracle::Intent;

/// A request of a client.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub target: String,
    pub fields: HeaderMap,
    pub body: Body,
    /// What it is about, for the oracle.
    pub intent: Intent,
    /// The client leaves after so many microseconds.
    pub leaves: Option<u64>,
}

/// What a client gets.
#[derive(Clone, Debug)]
pub struct Reply {
    /// 0 if there is none: the connection broke.
    pub status: u16,
    pub fields: HeaderMap,
    pub body: Bytes,
    /// It came to its end.
    pub whole: bool,
}

impl Reply {
    /// The connection broke.
    pub fn lost() -> Self {
        Self { status: 0, fields: HeaderMap::new(), body: Bytes::new(), whole: false }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What a client waits for.
#[derive(Debug)]
pub enum Wish {
    Send(Box<Request>),
    Sleep(u64),
}

#[derive(Debug, Default)]
struct Drawer {
    wish: Option<Wish>,
    reply: Option<Reply>,
    woken: bool,
    healed: bool,
    complaint: Option<String>,
    done: bool,
}

/// The client's side.
#[derive(Clone, Debug, Default)]
pub struct Desk(Rc<RefCell<Drawer>>);

impl Desk {
    /// Sends a request and waits for what comes of it.
    pub async fn ask(&self, request: Request) -> Reply {
        self.0.borrow_mut().wish = Some(Wish::Send(Box::new(request)));
        poll_fn(|_| match self.0.borrow_mut().reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        })
        .await
    }

    /// Waits, in microseconds.
    pub async fn sleep(&self, time: u64) {
        self.0.borrow_mut().wish = Some(Wish::Sleep(time));
        poll_fn(|_| match std::mem::take(&mut self.0.borrow_mut().woken) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// Whether the faults are over.
    pub fn healed(&self) -> bool {
        self.0.borrow().healed
    }

    /// Says that the registry did what it must not.
    pub fn complain(&self, text: String) {
        self.0.borrow_mut().complaint.get_or_insert(text);
    }

    /// The client did all that it had to do.
    pub fn finish(&self) {
        self.0.borrow_mut().done = true;
    }
}

/// The world's side.
pub struct Seat {
    desk: Desk,
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Seat {
    pub fn new(desk: Desk, future: impl Future<Output = ()> + 'static) -> Self {
        Self { desk, future: Some(Box::pin(future)) }
    }

    pub fn heal(&self) {
        self.desk.0.borrow_mut().healed = true;
    }

    pub fn is_done(&self) -> bool {
        self.desk.0.borrow().done
    }

    pub fn give(&self, reply: Reply) {
        self.desk.0.borrow_mut().reply = Some(reply);
    }

    pub fn wake(&self) {
        self.desk.0.borrow_mut().woken = true;
    }

    /// Lets the client go on; tells what it wants next, or its complaint.
    pub fn poll(&mut self) -> Result<Option<Wish>, String> {
        if let Some(future) = &mut self.future
            && future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
        {
            self.future = None;
        }
        let mut drawer = self.desk.0.borrow_mut();
        match drawer.complaint.take() {
            Some(complaint) => Err(complaint),
            None => Ok(drawer.wish.take()),
        }
    }
}
