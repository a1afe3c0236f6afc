//! Signed URLs.

use wharfinger_core::swift::{Endpoint, SecretText, temp_url};

use crate::support::{blob, tag};

#[test]
fn a_signed_url() {
    let endpoint = Endpoint::new("https://swift/v1/AUTH_%C3%BC", "wh arf", "s").unwrap();
    let secret = SecretText::new("key");
    let ab = "ab".repeat(32);
    assert_eq!(
        temp_url(&endpoint, &blob(), &secret, 1_700_000_000).to_string(),
        format!(
            "https://swift/v1/AUTH_%C3%BC/wh%20arf/blobs/sha256/ab/{ab}\
             ?temp_url_sig=074aa2621c04f9994bddf808d8b96eb12a46444a71fa77e0b0bba9ea9288aa81&temp_url_expires=1700000000"
        )
    );
    assert_eq!(
        temp_url(&endpoint, &tag(), &secret, 0).to_string(),
        "https://swift/v1/AUTH_%C3%BC/wh%20arf/tags/team/app%21/v1?temp_url_sig=f581c7c922afae2ed34647013c538564670e670ec5f54ccdb8417ef89d072c06&temp_url_expires=0"
    );
    assert_eq!(format!("{secret:?}"), "SecretText(..)");
}
