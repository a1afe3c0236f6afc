use super::super::fixtures::{P256_X, P256_Y, RSA_N, bytes, key_set, p256_key, rsa_key, text};
use super::*;

fn usable(key: &str) -> bool {
    match KeySet::parse(format!("{{\"keys\":[{key}]}}").as_bytes()) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error, KeySetError::NoKeys);
            false
        }
    }
}

fn rsa(n: &[u8], e: &str) -> String {
    format!(r#"{{"kty":"RSA","n":"{}","e":"{e}"}}"#, text(n))
}

#[test]
fn the_signatures_of_rfc_7515_are_good() {
    const CLAIMS: &str =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const A2: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const A3: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    for (key, head, signature) in
        [(rsa_key("r"), "eyJhbGciOiJSUzI1NiJ9", A2), (p256_key("e"), "eyJhbGciOiJFUzI1NiJ9", A3)]
    {
        let set = KeySet::parse(format!("{{\"keys\":[{key}]}}").as_bytes()).unwrap();
        let token = format!("{head}.{CLAIMS}.{signature}");
        assert_eq!(set.signed(&Jws::read(&token, 8192).unwrap()), Signed::Yes);
        let altered = token.replacen("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Vi", 1);
        assert_eq!(set.signed(&Jws::read(&altered, 8192).unwrap()), Signed::No);
    }
}

#[test]
fn keys_that_cannot_be_used_are_left_out() {
    assert!(usable(&rsa_key("a")) && usable(&p256_key("a")));
    for (from, to, good) in [
        (r#""use":"sig","#, "", true),
        (r#""use":"sig""#, r#""use":"enc""#, false),
        (r#""use":"sig""#, r#""use":1"#, false),
        (r#""use":"sig""#, r#""key_ops":["verify"]"#, true),
        (r#""use":"sig""#, r#""key_ops":["sign","encrypt"]"#, false),
        (r#""use":"sig""#, r#""key_ops":"verify""#, false),
        (r#""alg":"RS256","#, "", true),
        ("RS256", "RS512", false),
        ("RS256", "ES256", false),
        ("RS256", "HS256", false),
        (r#""kid":"a","#, "", true),
        (r#""kid":"a""#, r#""kid":1"#, false),
        (r#""kty":"RSA""#, r#""kty":"oct""#, false),
        (r#""kty":"RSA""#, r#""kty":"rsa""#, false),
        (r#""kty":"RSA""#, r#""kty":"EC""#, false),
        (r#""kty":"RSA","#, "", false),
        (r#""e":"AQAB""#, r#""x5c":["!"],"e":"AQAB""#, true),
    ] {
        assert_eq!(usable(&rsa_key("a").replace(from, to)), good, "{from} {to}");
    }
    assert!(!usable(r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#));
    assert!(!usable("1") && !usable("null") && !usable("[]"));
}

#[test]
fn weak_rsa_keys_are_left_out() {
    let n = bytes(RSA_N);
    assert!(usable(&rsa(&n, "AQAB")));
    assert!(usable(&rsa(&[&[0, 0], &n[..]].concat(), "AAEAAQ")), "zeros before a number say nothing");
    // 1, 3, 17, 65535, 65536, 2^32 + 1, none.
    for e in ["AQ", "Aw", "EQ", "AP__", "AQAA", "AQAAAAE", ""] {
        assert!(!usable(&rsa(&n, e)), "{e}");
    }
    let mut short = n.clone();
    short[0] = 0x7f;
    assert!(!usable(&rsa(&short, "AQAB")), "2047 bits");
    assert!(!usable(&rsa(&n[128..], "AQAB")), "1024 bits");
    assert!(!usable(&rsa(&[0xff], "AQAB")) && !usable(&rsa(&[], "AQAB")));
    assert!(usable(&rsa(&[0xff; 1024], "AQAB")), "8192 bits");
    assert!(!usable(&rsa(&[0xff; 1025], "AQAB")), "8200 bits");
    let mut even = n;
    even[255] &= 0xfe;
    assert!(!usable(&rsa(&even, "AQAB")));
}

#[test]
fn points_off_the_curve_are_left_out() {
    let key = |x: &str, y: &str| format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    assert!(usable(&key(P256_X, P256_Y)));
    let zero = text([0; 32]);
    for (x, y) in [
        (P256_X, P256_X),
        (P256_Y, P256_X),
        (&*zero, &*zero),
        (&P256_X[..42], P256_Y),
        (P256_X, ""),
        (&*text([0; 33]), P256_Y),
        (&*text([0xff; 32]), P256_Y),
    ] {
        assert!(!usable(&key(x, y)), "{x} {y}");
    }
    assert!(!usable(&key(P256_X, P256_Y).replace("P-256", "P-384")));
    assert!(!usable(&key(P256_X, P256_Y).replace("P-256", "secp256k1")));
}

#[test]
fn documents_have_bounds() {
    let parse = |document: &str| KeySet::parse(document.as_bytes()).map(|set| set.0.len());
    assert_eq!(parse(&key_set()), Ok(2));
    for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "null", "<html>"] {
        assert_eq!(parse(document), Err(KeySetError::Malformed), "{document}");
    }
    assert_eq!(parse(r#"{"keys":[]}"#), Err(KeySetError::NoKeys));
    let many = |count| format!("{{\"keys\":[{}]}}", vec![p256_key("a"); count].join(","));
    assert_eq!(parse(&many(64)), Ok(64));
    assert_eq!(parse(&many(65)), Err(KeySetError::TooMany));
    let padded = |bytes: usize| format!("{}{}", key_set(), " ".repeat(bytes - key_set().len()));
    assert_eq!(parse(&padded(65536)), Ok(2));
    assert_eq!(parse(&padded(65537)), Err(KeySetError::TooLong));
}

#[test]
fn a_key_has_to_be_named_unless_there_is_one() {
    let set = |keys: &str| KeySet::parse(format!("{{\"keys\":[{keys}]}}").as_bytes()).unwrap();
    let two = set(&format!("{},{}", rsa_key("a"), p256_key("b")));
    assert!(two.knows(Some("a")) && two.knows(Some("b")));
    assert!(!two.knows(None) && !two.knows(Some("c")) && !two.knows(Some("")));
    let one = set(&rsa_key("a"));
    assert!(one.knows(None) && one.knows(Some("a")) && !one.knows(Some("b")));
    let nameless = set(&rsa_key("a").replace(r#""kid":"a","#, ""));
    assert!(nameless.knows(None) && nameless.knows(Some("b")));
}
