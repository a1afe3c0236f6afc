use http::{StatusCode, header};
use serde::Serialize;

use super::listing::{ROWS_MAX, link, rows};
use super::{Flow, refuse, store_refusal};
use crate::access::{Action, Pass};
use crate::exchange::{Answer, Cx, Event};
use crate::oci::{Refusal, Repository};
use crate::route::Page as Paging;
use crate::store::{Listing, Op, Page, Reply};

/// `GET /v2/_catalog`: the repositories that hold a manifest and that its sender may read, paged like tags. It is no part
/// of the distribution specification, but clients know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Catalog {
    rows: u32,
    pass: Pass,
    /// Those found so far.
    found: Vec<Box<str>>,
    /// How many pages the store was asked for.
    pages: u32,
}

#[derive(Serialize)]
struct Body<'a> {
    repositories: &'a [Box<str>],
}

impl Catalog {
    pub(crate) fn start(paging: Paging<Repository>, pass: Pass, cx: &mut Cx<'_>) -> Flow {
        let catalog = Box::new(Self { rows: rows(paging.n), pass, found: Vec::new(), pages: 0 });
        if catalog.rows == 0 {
            return catalog.reply(false, cx);
        }
        catalog.list(paging.last.map(|last| last.as_str().into()), cx)
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Answered { reply: Reply::Page(page), .. } => self.listed(page, cx),
            Event::Answered { reply, .. } => refuse(&store_refusal(&reply), cx),
            Event::Read { .. }
            | Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::Catalog(self),
        }
    }

    fn list(mut self: Box<Self>, after: Option<Box<str>>, cx: &mut Cx<'_>) -> Flow {
        // Where some are left out, it takes more of them to fill a page.
        let limit = if self.sees_all(cx) { self.rows } else { ROWS_MAX };
        self.pages += 1;
        cx.send(Op::List { listing: Listing::Repositories, after, limit });
        Flow::Catalog(self)
    }

    fn listed(mut self: Box<Self>, page: Page, cx: &mut Cx<'_>) -> Flow {
        let (access, sees_all) = (&cx.config.access, self.sees_all(cx));
        let may_read = |name: &str| {
            sees_all
                || Repository::parse(name)
                    .is_ok_and(|name| access.allows(self.pass.user.as_deref(), &name).has(Action::Pull))
        };
        let room = self.rows as usize - self.found.len();
        let last = page.rows.last().map(|row| row.name.clone());
        let mut seen = page.rows.into_iter().map(|row| row.name).filter(|name| may_read(name));
        let here: Vec<Box<str>> = seen.by_ref().take(room).collect();
        let more_here = seen.next().is_some();
        self.found.extend(here);
        if !page.more || more_here || self.found.len() == self.rows as usize {
            return self.reply(page.more || more_here, cx);
        }
        if self.pages == PAGES_MAX {
            return refuse(&Refusal::PaginationInvalid, cx);
        }
        self.list(last, cx)
    }

    fn sees_all(&self, cx: &Cx<'_>) -> bool {
        self.pass.may_pull_everywhere(&cx.config.access)
    }

    #[allow(clippy::boxed_local, reason = "the state comes boxed")]
    fn reply(self: Box<Self>, more: bool, cx: &mut Cx<'_>) -> Flow {
        let body = serde_json::to_vec(&Body { repositories: &self.found }).unwrap_or_default();
        let mut answer = Answer::json(StatusCode::OK, body.into());
        // Where it goes on is told by a name that is shown, so that none is told that is not.
        if let Some(last) = self.found.last().filter(|_| more) {
            answer = answer.with(header::LINK, &link("/v2/_catalog", self.rows, last));
        }
        cx.reply(answer);
        Flow::Over
    }
}

/// So many pages of the store are gone through for one of a client: a million names.
const PAGES_MAX: u32 = 100;
