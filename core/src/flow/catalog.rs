use http::{StatusCode, header};
use serde::Serialize;

use super::listing::{link, rows};
use super::{Flow, refuse, store_refusal};
use crate::exchange::{Answer, Cx, Event};
use crate::oci::Repository;
use crate::route::Page as Paging;
use crate::store::{Listing, Op, Page, Reply};

/// `GET /v2/_catalog`: the repositories that hold a manifest, paged like tags. It is no part of the distribution
/// specification, but clients know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Catalog {
    rows: u32,
}

#[derive(Serialize)]
struct Body<'a> {
    repositories: Vec<&'a str>,
}

impl Catalog {
    pub(crate) fn start(paging: Paging<Repository>, cx: &mut Cx<'_>) -> Flow {
        let catalog = Box::new(Self { rows: rows(paging.n) });
        if catalog.rows == 0 {
            return catalog.reply(&Page { rows: Vec::new(), more: false }, cx);
        }
        let (after, limit) = (paging.last.map(|last| last.as_str().into()), catalog.rows);
        cx.send(Op::List { listing: Listing::Repositories, after, limit });
        Flow::Catalog(catalog)
    }

    pub(crate) fn step(self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Flow {
        match event {
            Event::Answered { reply: Reply::Page(page), .. } => self.reply(&page, cx),
            Event::Answered { reply, .. } => refuse(&store_refusal(&reply), cx),
            Event::Read { .. }
            | Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Flow::Catalog(self),
        }
    }

    #[allow(clippy::boxed_local, reason = "the state comes boxed")]
    fn reply(self: Box<Self>, page: &Page, cx: &mut Cx<'_>) -> Flow {
        let repositories = page.rows.iter().map(|row| &*row.name).collect();
        let body = serde_json::to_vec(&Body { repositories }).unwrap_or_default();
        let mut answer = Answer::json(StatusCode::OK, body.into());
        if let Some(row) = page.rows.last().filter(|_| page.more) {
            answer = answer.with(header::LINK, &link("/v2/_catalog", self.rows, &row.name));
        }
        cx.reply(answer);
        Flow::Over
    }
}
