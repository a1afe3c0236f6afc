use wharfinger_core::store::{Listing, Op, Page, Reply};

use super::{Operator, OperatorError};
use crate::registry::Store;

/// Which names are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// How they begin.
    pub prefix: String,
    /// Whether what stands below a `/` is listed by its own name.
    pub deep: bool,
    /// Only names above this one.
    pub after: Option<String>,
    /// At most so many rows.
    pub limit: u64,
    /// So many rows are asked of the store at a time, at least 1.
    pub page: u32,
}

/// A row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The whole name; one that ends in `/` and has no time stands for what lies below.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// When it was written or touched, in seconds since 1970.
    pub written: Option<u64>,
}

/// How a listing ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// With the last name.
    Whole,
    /// At the limit; more names follow after the one that was shown last.
    Cut,
}

/// One after the other, the pages of one listing.
struct Pages<'a> {
    operator: &'a Operator,
    listing: Listing,
    prefix: String,
    after: Option<Box<str>>,
    page: u32,
    over: bool,
}

impl Operator {
    /// Lists names in the order of their bytes, page by page; `show` gets each row, and ends the listing with an error.
    ///
    /// # Errors
    /// The store has trouble, or that of `show`.
    pub async fn list(
        &self,
        query: &Query,
        mut show: impl FnMut(&Entry) -> Result<(), OperatorError>,
    ) -> Result<Listed, OperatorError> {
        let mut left = query.limit;
        // Where segments stand apart, their names come between those of two listings.
        let apart = self.segments(query);
        let mut segments = apart.as_ref().map(|segments| self.pages(segments));
        let mut pages = self.pages(query);
        while let Some(rows) = pages.next().await? {
            for entry in rows {
                if apart.is_some() && entry.name.starts_with(SEGMENTS) {
                    continue;
                }
                if entry.name.as_str() > SEGMENTS
                    && let Some(segments) = segments.take()
                    && drain(segments, &mut left, query, &mut show).await? == Listed::Cut
                {
                    return Ok(Listed::Cut);
                }
                if left == 0 {
                    return Ok(Listed::Cut);
                }
                left -= 1;
                show(&entry)?;
            }
        }
        match segments {
            Some(segments) => drain(segments, &mut left, query, &mut show).await,
            None => Ok(Listed::Whole),
        }
    }

    /// What is to be asked of the container of segments beside that of all else.
    fn segments(&self, query: &Query) -> Option<Query> {
        let apart = match &self.store {
            Store::Files(_) => false,
            Store::Swift(swift) => swift.segments_are_apart(),
        };
        let above = SEGMENTS.starts_with(&query.prefix) && query.prefix != SEGMENTS;
        // What comes after all segments needs none.
        let wanted =
            query.after.as_deref().is_none_or(|after| after < SEGMENTS || after.starts_with(SEGMENTS));
        if !apart || !above || !wanted {
            return None;
        }
        // Cut at the first `/`, all of them are one row, which may have been shown.
        if !query.deep && query.after.as_deref().is_some_and(|after| after >= SEGMENTS) {
            return None;
        }
        let after = query.after.clone().filter(|after| after.starts_with(SEGMENTS));
        Some(Query { prefix: SEGMENTS.to_owned(), after, ..query.clone() })
    }

    fn pages(&self, query: &Query) -> Pages<'_> {
        let Query { prefix, deep, after, page, .. } = query;
        let rest = after.as_deref().and_then(|after| after.strip_prefix(prefix.as_str()));
        // A name that does not begin so stands before all of them, or after all.
        let over = rest.is_none() && after.as_deref().is_some_and(|after| after > prefix.as_str());
        Pages {
            operator: self,
            listing: Listing::Names { prefix: prefix.as_str().into(), deep: *deep },
            prefix: prefix.clone(),
            after: rest.map(Into::into),
            page: *page,
            over,
        }
    }
}

/// Shows the segments: all, or one row for them.
async fn drain(
    mut segments: Pages<'_>,
    left: &mut u64,
    query: &Query,
    show: &mut impl FnMut(&Entry) -> Result<(), OperatorError>,
) -> Result<Listed, OperatorError> {
    while let Some(rows) = segments.next().await? {
        for entry in rows {
            if *left == 0 {
                return Ok(Listed::Cut);
            }
            *left -= 1;
            if !query.deep {
                show(&Entry { name: SEGMENTS.to_owned(), size: 0, written: None })?;
                return Ok(Listed::Whole);
            }
            show(&entry)?;
        }
    }
    Ok(Listed::Whole)
}

impl Pages<'_> {
    /// The next rows; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<Entry>>, OperatorError> {
        if self.over {
            return Ok(None);
        }
        let op = Op::List { listing: self.listing.clone(), after: self.after.clone(), limit: self.page };
        let reply = self.operator.ask(&op).await?;
        let Reply::Page(Page { rows, more }) = reply else { return Err(OperatorError::of_reply(op, reply)) };
        self.over = !more || rows.is_empty();
        self.after = rows.last().map(|row| row.name.clone());
        let entry = |row: wharfinger_core::store::Row| Entry {
            name: format!("{}{}", self.prefix, row.name),
            size: row.size,
            written: row.written,
        };
        Ok(Some(rows.into_iter().map(entry).collect()))
    }
}

/// Where the names of segments begin.
const SEGMENTS: &str = "segments/";
