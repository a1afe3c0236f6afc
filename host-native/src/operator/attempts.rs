use std::time::Duration;

use bytes::Bytes;
use futures_lite::future;
use smol::Timer;
use wharfinger_core::store::{Fault, Op, Reply};
use wharfinger_core::swift::{HttpHead, Verdict, classify};

use super::{Operator, OperatorError};
use crate::client::{ClientError, Response};
use crate::files::{self, Files};
use crate::registry::{Store, given};
use crate::swift::{Answer, Swift};

/// What became of an op.
#[derive(Debug)]
pub(super) struct Answered {
    pub reply: Reply,
    /// After a Read that was Found.
    pub content: Option<Content>,
}

/// The bytes that a Read found.
#[derive(Debug)]
pub(super) enum Content {
    File(files::Body),
    Answer(Box<Response>),
}

/// What came of one try.
pub(super) enum Outcome {
    Answered(Answered),
    /// The store does not do it; whether another try may do better.
    Trouble(OperatorError, Again),
}

/// When a try may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Never,
    /// After so many seconds, or more.
    After(u32),
}

impl Operator {
    /// Carries out an op, whose body if any is at hand: tries a few times, with rests that double. `time` limits one try.
    ///
    /// # Errors
    /// The store refuses, is full, or does not do it in any of the tries.
    pub(super) async fn carry_out(
        &self,
        op: &Op,
        body: Bytes,
        time: Duration,
    ) -> Result<Answered, OperatorError> {
        let mut tries = 0;
        loop {
            let outcome = match &self.store {
                Store::Files(files) => ask_files(files, op, &body),
                Store::Swift(swift) => ask_swift(swift, op, &body, time).await,
            };
            match outcome {
                Outcome::Answered(answered) => {
                    if answered.reply == Reply::Missing {
                        self.check_container(op).await?;
                    }
                    return Ok(answered);
                }
                Outcome::Trouble(error, again) => rest(error, again, &mut tries).await?,
            }
        }
    }
}

/// Waits before the next try.
///
/// # Errors
/// The one given, if there is to be no other try.
pub(super) async fn rest(error: OperatorError, again: Again, tries: &mut u32) -> Result<(), OperatorError> {
    *tries += 1;
    let Again::After(seconds) = again else { return Err(error) };
    if *tries >= TRIES_MAX {
        return Err(error);
    }
    tracing::info!(%error, "trying again");
    let asked = Duration::from_secs(u64::from(seconds.min(RETRY_AFTER_MAX)));
    let least = (BACKOFF_MIN * (1 << (*tries - 1))).max(asked);
    let chance = f64::from(getrandom::u32().unwrap_or(0)) / f64::from(u32::MAX);
    Timer::after(least + least.mul_f64(chance)).await;
    Ok(())
}

fn ask_files(files: &Files, op: &Op, body: &[u8]) -> Outcome {
    let answer = match op {
        Op::Write { key, create_only } => files.create().and_then(|mut writer| {
            writer.write(body)?;
            Ok(writer.commit(key, *create_only))
        }),
        Op::Read { .. }
        | Op::Stat { .. }
        | Op::Join { .. }
        | Op::Copy { .. }
        | Op::Touch { .. }
        | Op::Release { .. }
        | Op::Remove { .. }
        | Op::List { .. } => Ok(files.carry_out(op)),
    };
    let files::Answer { reply, body, error } = answer.unwrap_or_else(|answer| answer);
    settle(op, reply, body.map(Content::File), None, error.map(|error| error.to_string()))
}

pub(super) async fn ask_swift(swift: &Swift, op: &Op, body: &Bytes, time: Duration) -> Outcome {
    let late = async {
        Timer::after(time).await;
        Err(Fault::Late)
    };
    let mut late = std::pin::pin!(late);
    let mut renewed = false;
    loop {
        let asked = async { future::or(swift.ask(op, body.clone()), &mut late).await };
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(fault) => return of_fault(op, fault),
        };
        let token = answer.token;
        match future::or(async { Some(judge(swift, op, answer, renewed).await) }, async {
            let _: Result<Answer, Fault> = (&mut late).await;
            None
        })
        .await
        {
            None => return of_fault(op, Fault::Late),
            Some(Some(outcome)) => return outcome,
            Some(None) => {
                swift.reject(token);
                swift.renew().await;
                renewed = true;
            }
        }
    }
}

/// Reads what an answer of Swift means; `None` if the request has to be sent again with another token.
pub(super) async fn judge(swift: &Swift, op: &Op, answer: Answer, renewed: bool) -> Option<Outcome> {
    let Answer { head, mut body, .. } = answer;
    let now = given().map_or(0, |given| given.now);
    let mut verdict = classify(op, &head, None, now);
    if let Verdict::Body { max } = verdict {
        verdict = match &mut body {
            Some(response) => match response.collect(max as usize).await {
                Ok(bytes) => classify(op, &head, Some(&bytes), now),
                // What is longer than anything that could be meant says nothing.
                Err(ClientError::TooLong) => classify(op, &head, Some(&[]), now),
                Err(_) => return Some(of_fault(op, Fault::Broken)),
            },
            None => classify(op, &head, Some(&[]), now),
        };
    }
    let advice = |rejected| swift.advice(op, &head, rejected);
    Some(match verdict {
        Verdict::Reply(reply) => settle(op, reply, body.map(Content::Answer), Some(&head), advice(false)),
        Verdict::TokenRejected if !renewed => return None,
        Verdict::TokenRejected => settle(op, Reply::Refused, None, Some(&head), advice(true)),
        // It was read as far as anybody wants.
        Verdict::Body { .. } => of_fault(op, Fault::Broken),
    })
}

fn of_fault(op: &Op, fault: Fault) -> Outcome {
    Outcome::Trouble(OperatorError::Fault { op: Box::new(op.clone()), fault }, Again::After(0))
}

/// Tells answers from trouble.
fn settle(
    op: &Op,
    reply: Reply,
    content: Option<Content>,
    head: Option<&HttpHead>,
    advice: Option<String>,
) -> Outcome {
    let again = match &reply {
        // A container that is missing will not come.
        Reply::Unavailable { .. } if advice.is_some() && head.is_some_and(|head| head.status == 404) => {
            Again::Never
        }
        Reply::Unavailable { retry_after } => Again::After(retry_after.unwrap_or(0)),
        Reply::Full | Reply::Refused => Again::Never,
        Reply::Found(_)
        | Reply::Missing
        | Reply::Written { .. }
        | Reply::Exists
        | Reply::Done
        | Reply::Page(_)
        | Reply::Damaged
        | Reply::Mismatch => return Outcome::Answered(Answered { reply, content }),
    };
    let status = head.map(|head| head.status.as_u16());
    Outcome::Trouble(OperatorError::Store { op: Box::new(op.clone()), reply, status, advice }, again)
}

/// So often an op is tried.
const TRIES_MAX: u32 = 4;

/// The rest after the first try, at least.
const BACKOFF_MIN: Duration = Duration::from_millis(200);

/// No store makes us rest longer before a try, in seconds.
const RETRY_AFTER_MAX: u32 = 10;
