//! What an operator reads in the log.

use wharfinger_core::store::{Listing, Op};
use wharfinger_core::swift::advice;

use crate::support::{blob, copy, endpoint, head, join, list, names, ops, part, segment, tag};

fn said(op: &Op, status: u16) -> Option<String> {
    advice(op, &head(status, &[]), false, &endpoint())
}

#[test]
fn it_names_the_place_and_the_remedy() {
    let write = Op::Write { key: segment(0), create_only: false };
    let create = Op::Write { key: tag(), create_only: true };
    let parts: Vec<_> = (0..1001).map(|number| part(number, 1, None)).collect();
    for (op, status, words) in [
        (&write, 202, "set the clocks"),
        (
            &write,
            403,
            "does not let us write in the container \"wharf_segments\" at https://swift:8080/v1/AUTH_a",
        ),
        (&write, 404, "does not find the container \"wharf_segments\""),
        (&write, 413, "raise the quota"),
        (&write, 507, "raise the quota"),
        (&write, 498, "raise the limit"),
        (&write, 412, "check that this is the storage URL"),
        (&list(Listing::Repositories, None, 1), 404, "does not find the container \"wharf\""),
        (&join(&parts), 413, "raise max_manifest_segments"),
        (&join(&parts), 413, "raise the quota"),
        (&Op::Read { key: blob(), range: None, if_match: None }, 409, "push the image again"),
        (&list(names("segments/", true), None, 1), 404, "does not find the container \"wharf_segments\""),
        (&copy(), 202, "set the clocks"),
        (&copy(), 403, "does not let us copy an object in the container \"wharf_segments\""),
        (&copy(), 413, "raise the quota"),
        (&Op::Touch { key: blob() }, 409, "set the clocks"),
        (&Op::Stat { key: blob() }, 302, "redirects us"),
        (&Op::Stat { key: blob() }, 413, "raise the limit"),
    ] {
        let said = said(op, status).unwrap();
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(said(&create, 412), None);
}

#[test]
fn it_is_silent_where_nobody_has_to_act() {
    for op in ops() {
        for status in [200, 201, 204, 206, 401, 408, 499, 500, 503] {
            assert_eq!(said(&op, status), None, "{op:?} {status}");
        }
        assert!(advice(&op, &head(401, &[]), true, &endpoint()).is_some());
    }
    assert_eq!(said(&Op::Read { key: tag(), range: None, if_match: None }, 404), None);
    assert_eq!(said(&Op::Release { parts: [].into() }, 403), None);
}
