use super::*;

const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 1024, passes: 1, lanes: 1 };

thread_local! {
    /// How many hashes were computed to verify passwords, on this thread.
    pub(super) static VERIFIED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// So that nobody learns from the time it takes which users there are: exactly one hash, whoever it is said to be.
#[test]
fn every_check_computes_one_hash() {
    let records = ["pass", "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"];
    for records in [&records[..], &records[..1], &records[1..], &[]] {
        let named = records.iter().zip(["ann", "bob"]);
        let users = named.map(|(record, name)| (name.into(), PasswordRecord::parse(record).unwrap()));
        let users = crate::access::Users::new(users, b"key").unwrap();
        for name in ["ann", "bob", "nobody", "", "ann\0", "root", "*"] {
            for password in ["pass", "correct horse", "wrong", "", "\0", &"x".repeat(10_000)] {
                let check = users.check(name, crate::swift::SecretText::new(password));
                let before = VERIFIED.get();
                check.run();
                assert_eq!(VERIFIED.get() - before, 1, "{name:?} {password:?}");
            }
        }
    }
}

fn fault(text: &str) -> PasswordError {
    PasswordRecord::parse(text).unwrap_err()
}

/// Made with the C implementation of argon2, and with libxcrypt.
#[test]
fn hashes_that_others_made_are_verified() {
    let long = "x".repeat(200);
    let cut = "x".repeat(72);
    let cases = [
        (
            "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$3c0ycNEDxOgJhiuRr9xNfvQH/V2UyjGe0ueFCh75FAM",
            "correct horse",
        ),
        ("$argon2id$v=19$m=4096,t=2,p=1$MTIzNDU2Nzg$pASAqh1jnHQJie39T4XejpiuTaMnleEr8RkvzGBVvOs", "pässwörd"),
        (
            "$argon2id$v=19$m=2048,t=3,p=4$c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M$o7Tiw4aDsds6HcNM4B9LuhoS6X1EYY97qZaEmKMVS4E",
            &long,
        ),
        ("$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "correct horse"),
        ("$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i", &cut),
        ("$2y$05$/./.ABCDEFGHIJKLMNOPQOWaYeq/lqYNioLJdhdtdjMX/2R1M975e", "päss"),
        ("$2a$04$zzzzzzzzzzzzzzzzzzzzzumGOsqQGjuzU3AWvn7XgQ1uQ4apTTE0u", "correct horse"),
        // The same with bits set that do not count.
        ("$2a$04$zzzzzzzzzzzzzzzzzzzzz9mGOsqQGjuzU3AWvn7XgQ1uQ4apTTE0u", "correct horse"),
    ];
    for (text, password) in cases {
        let record = PasswordRecord::parse(text).unwrap();
        assert!(record.verify(password), "{text}");
        for wrong in ["", "Correct horse", &password[1..], &format!("{password} "), &format!("{password}\0")]
        {
            assert!(!record.verify(wrong), "{text} took {wrong:?}");
        }
    }
}

#[test]
fn memory_that_is_kept_serves_hashes_of_any_size() {
    let mut memory = HashMemory::default();
    for memory_kib in [2048, 1024, 4096, 2048] {
        for lanes in [1, 4] {
            let cost = Argon2Cost { memory_kib, passes: 2, lanes };
            let hash = hash_password("secret", HashKind::Argon2id(cost), [3; 16]).unwrap();
            let record = PasswordRecord::parse(&hash).unwrap();
            assert!(record.verify_in("secret", &mut memory) && !record.verify_in("other", &mut memory));
            assert!(record.verify("secret"));
        }
    }
    assert_eq!(memory.bytes(), 4096 << 10);
}

#[test]
fn what_is_no_hash_is_a_password() {
    for text in ["secret", "{}", "{json: 1}", "a$2b$04$", " ", "pässwörd", "*", "\0"] {
        let record = PasswordRecord::parse(text).unwrap();
        assert!(record.is_plain() && record.verify(text), "{text:?}");
        assert!(!record.verify("") && !record.verify(&format!("{text}\0")), "{text:?}");
    }
    assert_eq!(fault(""), PasswordError::Empty);
}

#[test]
fn bcrypt_never_takes_what_it_cannot_tell_apart() {
    let exact = "x".repeat(72);
    let record = PasswordRecord::parse(&bcrypt::hash(&exact, 4, [7; 16]).unwrap()).unwrap();
    assert!(record.verify(&exact));
    assert!(!record.verify(&format!("{exact}y")));
    // bcrypt begins again behind a NUL: "a" and "a\0a" are one to it.
    let record = PasswordRecord::parse(&bcrypt::hash("a", 4, [7; 16]).unwrap()).unwrap();
    assert!(record.verify("a") && !record.verify("a\0a"));
    for refused in [format!("{exact}y"), "a\0a".to_owned()] {
        let hashed = hash_password(&refused, HashKind::Bcrypt { cost: 4 }, [7; 16]);
        assert_eq!(hashed, Err(PasswordError::BcryptPassword));
    }
}

#[test]
fn new_hashes_can_be_read_and_hold_for_their_password_alone() {
    for kind in [HashKind::Argon2id(CHEAP), HashKind::Bcrypt { cost: 4 }] {
        let text = hash_password("secret", kind, [3; 16]).unwrap();
        let record = PasswordRecord::parse(&text).unwrap();
        assert!(!record.is_plain());
        assert!(record.verify("secret") && !record.verify("Secret") && !record.verify(""));
        assert_ne!(text, hash_password("secret", kind, [4; 16]).unwrap());
        assert_eq!(hash_password("", kind, [3; 16]), Err(PasswordError::Empty));
    }
    let cheap = "$argon2id$v=19$m=1024,t=1,p=1$";
    assert!(hash_password("x", HashKind::Argon2id(CHEAP), [0; 16]).unwrap().starts_with(cheap));
    for cost in [3, 15] {
        assert_eq!(hash_password("x", HashKind::Bcrypt { cost }, [0; 16]), Err(PasswordError::BcryptCost));
    }
    for cost in [Argon2Cost { memory_kib: 262_145, ..CHEAP }, Argon2Cost { passes: 17, ..CHEAP }] {
        assert_eq!(hash_password("x", HashKind::Argon2id(cost), [0; 16]), Err(PasswordError::Argon2Cost));
    }
}

#[test]
fn other_hashes_are_refused() {
    for text in ["$apr1$x$y", "$1$x$y", "$5$x$y", "$6$x$y", "$y$j9T$x$y", "$2x$04$x", "$2$04$x"] {
        let begins = text.split('$').nth(1).unwrap();
        assert_eq!(fault(text).to_string(), PasswordError::Scheme { begins }.to_string());
    }
    for text in ["{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SSHA}x", "{ssha512}x", "{crypt}$2b$04$"] {
        assert!(matches!(fault(text), PasswordError::Scheme { .. }), "{text}");
    }
    for text in ["$", "$$", "$argon2id", "$dollars$", "$2b", "$ARGON2ID$v=19$"] {
        assert_eq!(fault(text), PasswordError::Strange, "{text}");
    }
    for text in ["$argon2i$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$aaaa", "$argon2d$"] {
        assert_eq!(fault(text), PasswordError::Argon2Variant);
    }
}

#[test]
fn damaged_and_extreme_hashes_are_refused() {
    let hash = "3c0ycNEDxOgJhiuRr9xNfvQH/V2UyjGe0ueFCh75FAM";
    let argon2 = |cost: &str, salt: &str, hash: &str| fault(&format!("$argon2id$v=19${cost}${salt}${hash}"));
    let salt = "c29tZXNhbHRzb21lc2FsdA";
    for cost in [
        "m=1023,t=1,p=1",
        "m=262145,t=1,p=1",
        "m=4294967295,t=1,p=1",
        "m=1024,t=17,p=1",
        "m=1024,t=0,p=1",
        "m=1024,t=1,p=5",
        "m=1024,t=1,p=0",
    ] {
        assert_eq!(argon2(cost, salt, hash), PasswordError::Argon2Cost, "{cost}");
    }
    for cost in [
        "m=4294967296,t=1,p=1",
        "m=1024,t=1",
        "m=1024,t=1,p=1,p=1",
        "m=1024,t=1,p=1,data=x",
        "t=1,m=1024,p=1",
        "m=+1024,t=1,p=1",
        "m=01024,t=1,p=1",
        "m=,t=1,p=1",
        "",
    ] {
        assert_eq!(argon2(cost, salt, hash), PasswordError::Argon2Damaged, "{cost}");
    }
    let cost = "m=1024,t=1,p=1";
    for (salt, hash) in [
        ("c2hvcnQ", hash),
        ("", hash),
        (salt, "c2hvcnQ"),
        (salt, ""),
        (salt, "!"),
        (salt, &hash[..41]),
        (salt, &format!("{hash}=")),
        (salt, &format!("{hash}$x")),
        (&"YWFh".repeat(22), hash),
    ] {
        assert_eq!(argon2(cost, salt, hash), PasswordError::Argon2Damaged, "{salt} {hash}");
    }
    for text in ["$argon2id$", "$argon2id$v=16$m=1024,t=1,p=1$a$b", "$argon2id$m=1024,t=1,p=1$a$b"] {
        assert_eq!(fault(text), PasswordError::Argon2Version);
    }
    let whole = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
    for text in [
        &whole[..59],
        &whole[..20],
        "$2b$4$",
        "$2b$",
        "$2b$aa$",
        &format!("{whole}a"),
        &whole.replace('j', "="),
    ] {
        assert_eq!(fault(text), PasswordError::BcryptDamaged, "{text}");
    }
    for cost in ["03", "15", "31", "00"] {
        assert_eq!(fault(&whole.replace("$04$", &format!("${cost}$"))), PasswordError::BcryptCost);
    }
}

#[test]
fn nothing_shows_a_password_or_a_hash() {
    let hash = hash_password("secret", HashKind::Bcrypt { cost: 4 }, [3; 16]).unwrap();
    for text in ["secret", &hash] {
        let shown = format!("{:?}", PasswordRecord::parse(text).unwrap());
        assert!(shown == "PasswordRecord(plain)" || shown == "PasswordRecord(bcrypt)", "{shown}");
    }
    for text in [
        "$secret",
        "$secret$secret",
        "{SHA}secret",
        "$argon2id$secret",
        "$argon2id$v=19$secret",
        "$2b$secret",
    ] {
        let error = fault(text);
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_stamp_changes_with_the_record_and_the_key() {
    let texts = ["secret".to_owned(), "Secret".to_owned()].into_iter().chain([
        hash_password("secret", HashKind::Bcrypt { cost: 4 }, [3; 16]).unwrap(),
        hash_password("secret", HashKind::Bcrypt { cost: 5 }, [3; 16]).unwrap(),
        hash_password("secret", HashKind::Argon2id(CHEAP), [3; 16]).unwrap(),
        hash_password("secret", HashKind::Argon2id(CHEAP), [4; 16]).unwrap(),
    ]);
    let records: Vec<_> = texts.map(|text| PasswordRecord::parse(&text).unwrap()).collect();
    let stamps: std::collections::BTreeSet<_> =
        records.iter().flat_map(|record| [record.stamp(b"one"), record.stamp(b"two")]).collect();
    assert_eq!(stamps.len(), 2 * records.len());
    assert_eq!(records[0].stamp(b"one"), PasswordRecord::parse("secret").unwrap().stamp(b"one"));
}
