use super::cases::{Case, NOTHING};

/// What clouds say about certificates.
pub const TLS: &[Case] = &[
    Case {
        about: "variables name certificates too",
        variables: &[
            ("OS_AUTH_TYPE", "v1password"),
            ("OS_AUTH_URL", "https://k/auth/v1.0"),
            ("OS_USERNAME", "a:b"),
            ("OS_PASSWORD", "secret-p"),
            ("OS_CACERT", "/etc/ca.pem"),
            ("OS_CERT", "~/client.pem"),
            ("OS_KEY", "~/client.key"),
            ("OS_INSECURE", "False"),
        ],
        expected: &[
            "auth.auth_url=https://k/auth/v1.0",
            "auth.password=secret-p",
            "auth.username=a:b",
            "auth_type=v1password",
            "cacert=/etc/ca.pem",
            "cert=$root/home/client.pem",
            "interface=public",
            "key=$root/home/client.key",
            "verify=true",
        ],
        ..NOTHING
    },
    Case {
        about: "insecure takes the force of a CA, and a key without a certificate is none",
        files: &[(
            "cwd/clouds.yaml",
            "clouds:
  c:
    auth_type: v1password
    insecure: true
    cacert: /etc/ca.pem
    key: ~/client.key
    auth: {auth_url: 'https://k', username: 'a:b', password: secret-p}
",
        )],
        expected: &[
            "auth.auth_url=https://k",
            "auth.password=secret-p",
            "auth.username=a:b",
            "auth_type=v1password",
            "interface=public",
            "verify=false",
        ],
        ..NOTHING
    },
    Case {
        about: "a certificate may hold its key",
        files: &[(
            "cwd/clouds.yaml",
            "clouds:
  c:
    auth_type: v1password
    cert: both.pem
    auth: {auth_url: 'https://k', username: 'a:b', password: secret-p}
",
        )],
        expected: &[
            "auth.auth_url=https://k",
            "auth.password=secret-p",
            "auth.username=a:b",
            "auth_type=v1password",
            "cert=both.pem",
            "interface=public",
            "verify=true",
        ],
        ..NOTHING
    },
];
