//! What docs/workload-identity.md tells to write into a configuration can be written there.

use std::fs;

use wharfinger::config;
use wharfinger_core::access::Lives;
use wharfinger_core::upload::Secret;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/workload-identity.md");

#[test]
fn every_example_on_the_page_is_a_configuration() {
    let page = fs::read_to_string(PAGE).expect("docs/workload-identity.md reads");
    let examples: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or(rest)).collect();
    assert_eq!(examples.len(), 5, "one of each system, and one of all that can be said");
    for example in examples {
        let settings = config::parse("example", example).expect(example);
        let access = settings.access.finish(&Secret::new(b"any"), None, Lives::default()).expect(example);
        assert_eq!(access.issuers().len(), 1, "{example}");
    }
}
