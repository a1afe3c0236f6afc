use http::{StatusCode, header};
use serde::Serialize;

use super::listing::{link, rows};
use super::{Flow, refuse, store_refusal};
use crate::exchange::{Answer, Cx, Event};
use crate::oci::{Refusal, Repository, Tag};
use crate::route::Page as Paging;
use crate::store::{Listing, Op, Page, Reply};

/// `GET` of the tags of a repository (distribution-spec, end-8a and 8b), sorted by their bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tags {
    repository: Repository,
    rows: u32,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    /// The tags are listed.
    Listing,
    /// There is none to show: does the repository hold a manifest?
    SeekingManifest,
    /// Does it hold a blob?
    SeekingBlob,
}

#[derive(Serialize)]
struct Body<'a> {
    name: &'a str,
    tags: Vec<&'a str>,
}

impl Tags {
    pub(crate) fn start(repository: Repository, paging: Paging<Tag>, cx: &mut Cx<'_>) -> Flow {
        let tags = Box::new(Self { repository, rows: rows(paging.n), state: State::Listing });
        if tags.rows == 0 {
            return tags.seek(State::SeekingManifest, cx);
        }
        let (after, limit) = (paging.last.map(|last| last.as_str().into()), tags.rows);
        cx.send(Op::List { listing: Listing::Tags(tags.repository.clone()), after, limit });
        Flow::Tags(tags)
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Answered { reply: Reply::Page(page), .. } => match (&self.state, page.rows.is_empty()) {
                (State::Listing, true) => self.seek(State::SeekingManifest, cx),
                (State::SeekingManifest, true) => self.seek(State::SeekingBlob, cx),
                (State::SeekingBlob, true) => refuse(&Refusal::NameUnknown, cx),
                (State::Listing, false) => self.reply(&page, cx),
                (State::SeekingManifest | State::SeekingBlob, false) => {
                    self.reply(&Page { rows: Vec::new(), more: false }, cx)
                }
            },
            Event::Answered { reply, .. } => refuse(&store_refusal(&reply), cx),
            Event::Read { .. }
            | Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::Tags(self),
        }
    }

    fn seek(mut self: Box<Self>, state: State, cx: &mut Cx<'_>) -> Flow {
        let repository = self.repository.clone();
        let listing = match state {
            State::Listing => Listing::Tags(repository),
            State::SeekingManifest => Listing::Manifests(repository),
            State::SeekingBlob => Listing::Links(repository),
        };
        cx.send(Op::List { listing, after: None, limit: 1 });
        self.state = state;
        Flow::Tags(self)
    }

    #[allow(clippy::boxed_local, reason = "the state comes boxed")]
    fn reply(self: Box<Self>, page: &Page, cx: &mut Cx<'_>) -> Flow {
        let tags = page.rows.iter().map(|row| &*row.name).collect();
        let body = serde_json::to_vec(&Body { name: self.repository.as_str(), tags }).unwrap_or_default();
        let mut answer = Answer::json(StatusCode::OK, body.into());
        if let Some(row) = page.rows.last().filter(|_| page.more) {
            let path = format!("/v2/{}/tags/list", self.repository);
            answer = answer.with(header::LINK, &link(&path, self.rows, &row.name));
        }
        cx.reply(answer);
        Flow::Over
    }
}
