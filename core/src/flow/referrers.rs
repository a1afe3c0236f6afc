use bytes::Bytes;
use http::{StatusCode, header};

use super::upload_finish::busy;
use super::{Flow, refuse, store_refusal};
use crate::exchange::{Answer, Ask, Cx, Event, Slot, Told};
use crate::oci::{
    Digest, MediaType, OCI_FILTERS_APPLIED, Query, Refusal, Repository, artifact_type_of, encode_component,
    index_of,
};
use crate::record::REFERRER_BYTES_MAX;
use crate::store::{Key, Listing, Op, Page, Reply};

/// `GET` of the referrers of a manifest (distribution-spec, end-12a and 12b): an index of all that refer to it, whether
/// it exists or not. Pages are large, since not every client follows a Link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Referrers {
    repository: Repository,
    subject: Digest,
    /// Any of these artifact types; all if empty.
    types: Vec<Box<str>>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// They are listed.
    Listing,
    /// Memory is asked for.
    Asking(Reading),
    /// Their descriptors are read.
    Reading(Reading),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reading {
    referrers: Vec<Digest>,
    /// The descriptors, each in the place of its referrer.
    descriptors: Vec<Option<Bytes>>,
    looking: Vec<(Slot, usize)>,
    /// The next to ask for.
    next: usize,
    /// More follow after the last.
    more: bool,
}

impl Referrers {
    pub(crate) fn start(repository: Repository, subject: Digest, query: &Query, cx: &mut Cx<'_>) -> Flow {
        let after = match query.first("last").map(Digest::parse) {
            None => None,
            Some(Ok(last)) => Some(row_of(&last)),
            Some(Err(_)) => return refuse(&Refusal::PaginationInvalid, cx),
        };
        let types = query.all("artifactType").map(Into::into).collect();
        let listing = Listing::Referrers(repository.clone(), subject);
        cx.send(Op::List { listing, after, limit: ROWS_MAX });
        Flow::Referrers(Box::new(Self { repository, subject, types, state: State::Listing }))
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match (std::mem::replace(&mut self.state, State::Listing), event) {
            (State::Listing, Event::Answered { reply: Reply::Page(page), .. }) => self.listed(&page, cx),
            (State::Asking(reading), Event::Told { answer: Told::Granted }) => self.read(reading, cx),
            (State::Asking(_), Event::Told { answer: Told::Denied }) => refuse(&busy(), cx),
            (State::Reading(mut reading), Event::Read { slot, bytes, .. }) => {
                if let Some(at) = reading.looked(slot) {
                    reading.descriptors[at] = Some(bytes);
                }
                self.read(reading, cx)
            }
            (
                State::Reading(mut reading),
                Event::Answered { slot, reply: Reply::Missing | Reply::Damaged },
            ) => {
                reading.looked(slot);
                self.read(reading, cx)
            }
            (_, Event::Answered { reply, .. }) => refuse(&store_refusal(&reply), cx),
            (state, _) => self.go(state),
        }
    }

    fn go(mut self: Box<Self>, state: State) -> Flow {
        self.state = state;
        Flow::Referrers(self)
    }

    fn listed(self: Box<Self>, page: &Page, cx: &mut Cx<'_>) -> Flow {
        let mut referrers = Vec::new();
        let mut bytes = 0u64;
        for row in &page.rows {
            bytes = row.size.saturating_add(bytes);
            if bytes > PAGE_BYTES_MAX && !referrers.is_empty() {
                break;
            }
            referrers.extend(digest_of(&row.name));
        }
        let more = page.more || referrers.len() < page.rows.len();
        let descriptors = vec![None; referrers.len()];
        let reading = Reading { referrers, descriptors, looking: Vec::new(), next: 0, more };
        if reading.referrers.is_empty() {
            return self.reply(&reading, cx);
        }
        // The descriptors, and the reply that they become part of.
        cx.ask(Ask::Memory { bytes: 2 * bytes.min(PAGE_BYTES_MAX) as u32 });
        self.go(State::Asking(reading))
    }

    fn read(self: Box<Self>, mut reading: Reading, cx: &mut Cx<'_>) -> Flow {
        while cx.free_calls() >= 1 && reading.next < reading.referrers.len() {
            let (repository, referrer) = (self.repository.clone(), reading.referrers[reading.next]);
            let key = Key::Referrer { repository, subject: self.subject, referrer };
            reading.looking.push((cx.read(key, REFERRER_BYTES_MAX), reading.next));
            reading.next += 1;
        }
        if reading.looking.is_empty() { self.reply(&reading, cx) } else { self.go(State::Reading(reading)) }
    }

    #[allow(clippy::boxed_local, reason = "the state comes boxed")]
    fn reply(self: Box<Self>, reading: &Reading, cx: &mut Cx<'_>) -> Flow {
        let wanted = |descriptor: &&Bytes| {
            self.types.is_empty()
                || artifact_type_of(descriptor)
                    .is_some_and(|kind| self.types.iter().any(|wanted| **wanted == *kind))
        };
        let body = index_of(reading.descriptors.iter().flatten().filter(wanted));
        let mut answer = Answer::new(StatusCode::OK)
            .with(header::CONTENT_TYPE, MediaType::OCI_INDEX.as_str())
            .with_body(body);
        if !self.types.is_empty() {
            answer = answer.with_static(OCI_FILTERS_APPLIED, "artifactType");
        }
        if let Some(last) = reading.referrers.last().filter(|_| reading.more) {
            answer = answer.with(header::LINK, &self.link(last));
        }
        cx.reply(answer);
        Flow::Over
    }

    fn link(&self, last: &Digest) -> String {
        let mut link = format!("</v2/{}/referrers/{}?last={last}", self.repository, self.subject);
        for kind in &self.types {
            link.push_str("&artifactType=");
            link.push_str(&encode_component(kind));
        }
        link.push_str(">; rel=\"next\"");
        link
    }
}

impl Reading {
    fn looked(&mut self, slot: Slot) -> Option<usize> {
        let at = self.looking.iter().position(|(waiting, _)| *waiting == slot)?;
        Some(self.looking.swap_remove(at).1)
    }
}

/// A digest as it stands in a row.
fn row_of(digest: &Digest) -> Box<str> {
    format!("{}/{}", digest.algorithm().name(), digest.hex()).into()
}

fn digest_of(row: &str) -> Option<Digest> {
    Digest::parse(&row.replacen('/', ":", 1)).ok()
}

/// So many referrers make a page.
const ROWS_MAX: u32 = 1000;

/// The descriptors of a page have so many bytes together, unless it is one alone.
const PAGE_BYTES_MAX: u64 = 4 << 20;
