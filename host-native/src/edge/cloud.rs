use super::{Value, Variable};
use crate::clouds::{AuthType, Cloud, Interface};

/// The variables that tell the component how to log in to this cloud.
pub fn variables(cloud: &Cloud) -> Vec<Variable> {
    let auth = &cloud.auth;
    let auth_type = match cloud.auth_type {
        AuthType::Password => None,
        AuthType::V3Password => Some("v3password"),
        AuthType::V3ApplicationCredential => Some("v3applicationcredential"),
        AuthType::V1Password => Some("v1password"),
        AuthType::Token => Some("token"),
        AuthType::V3Token => Some("v3token"),
    };
    let interface = (cloud.interface != Interface::default()).then(|| cloud.interface.name());
    let plain = [
        ("OS_AUTH_TYPE", auth_type),
        ("OS_AUTH_URL", Some(auth.auth_url.as_str())),
        ("OS_USERNAME", auth.username.as_deref()),
        ("OS_USER_ID", auth.user_id.as_deref()),
        ("OS_USER_DOMAIN_ID", auth.user_domain_id.as_deref()),
        ("OS_USER_DOMAIN_NAME", auth.user_domain_name.as_deref()),
        ("OS_PROJECT_ID", auth.project_id.as_deref()),
        ("OS_PROJECT_NAME", auth.project_name.as_deref()),
        ("OS_PROJECT_DOMAIN_ID", auth.project_domain_id.as_deref()),
        ("OS_PROJECT_DOMAIN_NAME", auth.project_domain_name.as_deref()),
        ("OS_APPLICATION_CREDENTIAL_ID", auth.application_credential_id.as_deref()),
        ("OS_APPLICATION_CREDENTIAL_NAME", auth.application_credential_name.as_deref()),
        ("OS_REGION_NAME", cloud.region.as_deref()),
        ("OS_INTERFACE", interface),
        ("OS_OBJECT_STORE_ENDPOINT_OVERRIDE", cloud.object_store_endpoint_override.as_deref()),
    ];
    let plain = plain.into_iter().filter_map(|(name, value)| Some(Variable::plain(name, value?.to_owned())));
    let secrets = [
        ("OS_PASSWORD", "password", &auth.password),
        (
            "OS_APPLICATION_CREDENTIAL_SECRET",
            "application_credential_secret",
            &auth.application_credential_secret,
        ),
        ("OS_TOKEN", "token", &auth.token),
    ];
    let secrets = secrets.into_iter().filter_map(|(name, key, secret)| {
        let source = format!("`{key}` of the cloud `{}`, of clouds.yaml, secure.yaml or OS_*", cloud.name);
        Some(Variable { name: name.to_owned(), value: Value::Secret { secret: secret.clone()?, source } })
    });
    plain.chain(secrets).collect()
}

/// What the component cannot do that this cloud asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unfit {
    /// What cannot work.
    pub errors: Vec<String>,
    /// What may work.
    pub warnings: Vec<String>,
}

/// Looks for what the component cannot do. Its runtime trusts the authorities that are built into it, checks all
/// certificates, and shows none.
pub fn unfit(cloud: &Cloud) -> Unfit {
    let urls = [Some(cloud.auth.auth_url.as_str()), cloud.object_store_endpoint_override.as_deref()];
    let mut known = urls.into_iter().flatten();
    let certain = known.any(|url| url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")));
    let mut unfit = Unfit::default();
    if matches!(cloud.auth_type, AuthType::Token | AuthType::V3Token) {
        unfit.warnings.push(format!(
            "cloud `{}`: a login by token lasts as long as the token; a password or an application credential lasts",
            cloud.name
        ));
    }
    for (key, asked, what) in [
        ("verify", !cloud.verify, "checks every certificate"),
        ("cacert", cloud.cacert.is_some(), "trusts no authorities but those that are built into it"),
        ("cert", cloud.cert.is_some(), "has no certificate to show"),
    ] {
        if !asked {
            continue;
        }
        let name = &cloud.name;
        if certain {
            unfit.errors.push(format!(
                "cloud `{name}`: {key}: wasmtime {what}; give it plain http:// URLs, of a proxy next to it that speaks TLS, or \
                 run `wharfinger serve`"
            ));
        } else {
            unfit.warnings.push(format!(
                "cloud `{name}`: {key} has no effect: wasmtime {what}; if the catalog names https://, Swift cannot be reached"
            ));
        }
    }
    unfit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clouds::{Auth, Environment, find};
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    fn map(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn cloud(variables: &[(&str, &str)]) -> Cloud {
        let variables = map(variables);
        let nothing = |_: &Path| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        let environment =
            Environment { variables: &variables, working_folder: Path::new("/"), home: None, read: &nothing };
        find(&environment, None).expect("a cloud")
    }

    #[test]
    fn what_openstack_reads_passes_through() {
        for given in [
            &[
                ("OS_AUTH_TYPE", "v1password"),
                ("OS_AUTH_URL", "http://a/auth/v1.0"),
                ("OS_USERNAME", "a:u"),
                ("OS_PASSWORD", "p"),
            ][..],
            &[
                ("OS_AUTH_URL", "https://k:5000/v3"),
                ("OS_USER_ID", "u"),
                ("OS_PROJECT_ID", "p"),
                ("OS_REGION_NAME", "r"),
                ("OS_INTERFACE", "internal"),
                ("OS_OBJECT_STORE_ENDPOINT_OVERRIDE", "https://s/v1/x"),
                ("OS_PASSWORD", "p"),
            ],
            &[
                ("OS_AUTH_URL", "https://k:5000/v3"),
                ("OS_USERNAME", "u"),
                ("OS_USER_DOMAIN_NAME", "d"),
                ("OS_PROJECT_NAME", "p"),
                ("OS_PROJECT_DOMAIN_ID", "e"),
                ("OS_PASSWORD", "p"),
            ],
            &[
                ("OS_AUTH_TYPE", "v3applicationcredential"),
                ("OS_AUTH_URL", "https://k/v3"),
                ("OS_APPLICATION_CREDENTIAL_ID", "i"),
                ("OS_APPLICATION_CREDENTIAL_SECRET", "s"),
            ],
            &[("OS_AUTH_TYPE", "v3token"), ("OS_AUTH_URL", "https://k/v3"), ("OS_TOKEN", "t")],
        ] {
            let found: BTreeMap<String, String> = variables(&cloud(given))
                .into_iter()
                .map(|Variable { name, value }| match value {
                    Value::Plain(text) => (name, text),
                    Value::Secret { secret, .. } => (name, secret.as_text().expect("text").to_owned()),
                    Value::Kept(_) => panic!("{name} is kept nowhere"),
                })
                .collect();
            assert_eq!(found, map(given));
        }
    }

    #[test]
    fn tls_that_wasmtime_does_not_speak_is_an_error_where_it_is_needed() {
        let plain = Cloud {
            auth: Auth { auth_url: "http://k:5000/v3".to_owned(), ..Auth::default() },
            ..cloud(&[
                ("OS_AUTH_TYPE", "v1password"),
                ("OS_AUTH_URL", "http://k"),
                ("OS_USERNAME", "u"),
                ("OS_PASSWORD", "p"),
            ])
        };
        assert_eq!(unfit(&plain), Unfit::default());
        let by_token = Cloud { auth_type: AuthType::Token, ..plain.clone() };
        assert!(unfit(&by_token).warnings[0].contains("lasts as long as the token"));
        let asks = Cloud {
            cacert: Some(PathBuf::from("ca.pem")),
            verify: false,
            cert: Some(PathBuf::from("c")),
            ..plain
        };
        let found = unfit(&asks);
        assert_eq!((found.errors.len(), found.warnings.len()), (0, 3));
        for cloud in [
            Cloud { auth: Auth { auth_url: "HTTPS://k/v3".to_owned(), ..Auth::default() }, ..asks.clone() },
            Cloud { object_store_endpoint_override: Some("https://s/v1/x".to_owned()), ..asks },
        ] {
            let found = unfit(&cloud);
            assert_eq!((found.errors.len(), found.warnings.len()), (3, 0));
            assert!(found.errors[1].contains("cacert: wasmtime trusts no authorities but"), "{found:?}");
        }
    }
}
