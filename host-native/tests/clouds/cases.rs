//! The cases: files and variables, and what they come to.

/// One of them. `$root` stands for the folder that has the working folder `cwd` and the home `home`.
pub struct Case {
    pub about: &'static str,
    /// Paths under `$root`, or absolute ones, and their texts.
    pub files: &'static [(&'static str, &'static str)],
    pub variables: &'static [(&'static str, &'static str)],
    /// The name that is asked for.
    pub name: Option<&'static str>,
    /// Lines of facts, or parts of one message.
    pub expected: &'static [&'static str],
    /// Whether openstacksdk is asked as well.
    pub compared: bool,
}

pub const NOTHING: Case =
    Case { about: "", files: &[], variables: &[], name: None, expected: &[], compared: true };

const PASSWORD: &str = "clouds:
  one:
    region_name: R1
    auth:
      auth_url: https://k.example/v3
      username: u
      password: secret-p
      project_name: p
      user_domain_name: Default
      project_domain_id: default
";

const PASSWORD_FACTS: &[&str] = &[
    "auth.auth_url=https://k.example/v3",
    "auth.password=secret-p",
    "auth.project_domain_id=default",
    "auth.project_name=p",
    "auth.user_domain_name=Default",
    "auth.username=u",
    "auth_type=password",
    "interface=public",
    "region=R1",
    "verify=true",
];

const TWO: &str = "clouds:
  one: {auth_type: v1password, auth: {auth_url: 'http://one', username: 'a:b', password: secret-1}}
  two-2: {auth_type: v1password, auth: {auth_url: 'http://two', username: 'a:b', password: secret-2}}
";

const TWO_FACTS: &[&str] = &[
    "auth.auth_url=http://two",
    "auth.password=secret-2",
    "auth.username=a:b",
    "auth_type=v1password",
    "interface=public",
    "verify=true",
];

pub const ACCEPTED: &[Case] = &[
    Case {
        about: "the only cloud needs no name",
        files: &[("cwd/clouds.yaml", PASSWORD)],
        expected: PASSWORD_FACTS,
        ..NOTHING
    },
    Case {
        about: "the working folder comes before the home, yaml before yml before json",
        files: &[
            ("home/.config/openstack/clouds.yaml", TWO),
            ("cwd/clouds.json", TWO),
            ("cwd/clouds.yml", PASSWORD),
        ],
        expected: PASSWORD_FACTS,
        ..NOTHING
    },
    Case {
        about: "a name, and JSON in the home",
        files: &[(
            "home/.config/openstack/clouds.json",
            r#"{"clouds": {"one": {}, "two-2": {"auth_type": "v1password", "verify": true, "cacert": null,
              "auth": {"auth_url": "http:\/\/two", "username": "a:b", "password": "secret-2"}}}}"#,
        )],
        name: Some("two-2"),
        expected: TWO_FACTS,
        ..NOTHING
    },
    Case {
        about: "OS_CLOUD, and a file that a variable names",
        files: &[("cwd/clouds.yaml", PASSWORD), ("elsewhere/file", TWO)],
        variables: &[("OS_CLOUD", "two-2"), ("OS_CLIENT_CONFIG_FILE", "$root/elsewhere/file")],
        expected: TWO_FACTS,
        ..NOTHING
    },
    Case {
        about: "XDG_CONFIG_HOME before the home",
        files: &[("home/.config/openstack/clouds.yaml", PASSWORD), ("xdg/openstack/clouds.yaml", TWO)],
        variables: &[("XDG_CONFIG_HOME", "$root/xdg")],
        name: Some("two-2"),
        expected: TWO_FACTS,
        ..NOTHING
    },
    Case {
        about: "/etc/openstack comes last",
        files: &[("/etc/openstack/clouds.yaml", PASSWORD)],
        expected: PASSWORD_FACTS,
        compared: false,
        ..NOTHING
    },
    Case {
        about: "a file that may not be read is passed by",
        files: &[("cwd/clouds.yaml", "(not permitted)"), ("home/.config/openstack/clouds.yaml", PASSWORD)],
        expected: PASSWORD_FACTS,
        compared: false,
        ..NOTHING
    },
    Case {
        about: "secure.yaml is found on its own and merged key by key",
        files: &[
            (
                "cwd/clouds.yaml",
                "clouds:\n  c:\n    auth_type: v3applicationcredential\n    auth: {auth_url: 'http://k', application_credential_id: i}\n",
            ),
            (
                "home/.config/openstack/secure.yaml",
                "clouds: {c: {auth: {application_credential_secret: secret-s}}}\n",
            ),
        ],
        expected: &[
            "auth.application_credential_id=i",
            "auth.application_credential_secret=secret-s",
            "auth.auth_url=http://k",
            "auth_type=v3applicationcredential",
            "interface=public",
            "verify=true",
        ],
        ..NOTHING
    },
    Case {
        about: "secure.yaml wins, at a place that a variable names, and may be alone",
        files: &[
            ("cwd/clouds.yaml", "# none yet\n"),
            ("cwd/secure.yaml", "clouds: {}\n"),
            ("secrets/s.yaml", PASSWORD),
        ],
        variables: &[("OS_CLIENT_SECURE_FILE", "$root/secrets/s.yaml")],
        expected: PASSWORD_FACTS,
        ..NOTHING
    },
    Case {
        about: "variables alone make a cloud, of which empty ones are no part",
        variables: &[
            ("OS_AUTH_URL", "http://k/v3"),
            ("OS_USERNAME", "u"),
            ("OS_PASSWORD", "secret-p"),
            ("OS_PROJECT_NAME", "p"),
            ("OS_PROJECT_ID", ""),
            ("OS_USER_DOMAIN_NAME", "D"),
            ("OS_PROJECT_DOMAIN_NAME", "D"),
            ("OS_REGION_NAME", "R2"),
            ("OS_INTERFACE", "internal"),
            ("OS_IDENTITY_API_VERSION", "3"),
            ("OS_INSECURE", "true"),
            ("OS_TESTS", "x"),
        ],
        expected: &[
            "auth.auth_url=http://k/v3",
            "auth.password=secret-p",
            "auth.project_domain_name=D",
            "auth.project_name=p",
            "auth.user_domain_name=D",
            "auth.username=u",
            "auth_type=password",
            "interface=internal",
            "region=R2",
            "verify=false",
        ],
        ..NOTHING
    },
    Case {
        about: "variables come before the files' clouds, unless one is chosen",
        files: &[("cwd/clouds.yaml", TWO)],
        variables: &[("OS_USERNAME", "u"), ("OS_CLOUD", "two-2"), ("OS_REGION_NAME", "R2")],
        expected: TWO_FACTS,
        ..NOTHING
    },
    Case {
        about: "the cloud of the variables, by the name that they give it",
        files: &[("cwd/clouds.yaml", PASSWORD)],
        variables: &[
            ("OS_CLOUD_NAME", "mine"),
            ("OS_CLOUD", "one"),
            ("OS_AUTH_TYPE", "v1password"),
            ("OS_AUTH_URL", "http://two"),
            ("OS_USERNAME", "a:b"),
            ("OS_PASSWORD", "secret-2"),
        ],
        name: Some("mine"),
        expected: TWO_FACTS,
        compared: false,
    },
    Case {
        about: "the first region, with its own values",
        files: &[(
            "cwd/clouds.yaml",
            "clouds:
  c:
    auth: {auth_url: 'https://{region_name}.example', user_id: 7, password: secret-p, project_id: 0123456789abcdef}
    regions:
    - name: R1
      values: {interface: admin, object-store-endpoint-override: 'http://{region_name}/v1', auth: {user-id: 8}}
    - R2
",
        )],
        expected: &[
            "auth.auth_url=https://R1.example",
            "auth.password=secret-p",
            "auth.project_id=0123456789abcdef",
            "auth.user_id=8",
            "auth_type=password",
            "endpoint=http://R1/v1",
            "interface=admin",
            "region=R1",
            "verify=true",
        ],
        ..NOTHING
    },
    Case {
        about: "older names, keys beside auth, and one domain for both",
        files: &[(
            "cwd/clouds.yaml",
            "clouds:
  c:
    auth_type: v3password
    region_name: R1,R2
    endpoint_type: internalURL
    tenant-name: t
    username: weak
    user-domain-name: strong
    auth: {auth_url: 'http://k', username: u, password: '0123', domain_name: D, user_domain_name: weak}
",
        )],
        expected: &[
            "auth.auth_url=http://k",
            "auth.password=0123",
            "auth.project_domain_name=D",
            "auth.project_name=t",
            "auth.user_domain_name=strong",
            "auth.username=u",
            "auth_type=v3password",
            "interface=internal",
            "region=R1",
            "verify=true",
        ],
        ..NOTHING
    },
    Case {
        about: "a token, and what holds for the object store alone",
        files: &[(
            "cwd/clouds.yaml",
            "clouds:
  c:
    auth_type: v3token
    interface: admin
    object_store_interface: public
    object_store_region_name: R9
    region_name: R1
    object_store_endpoint: http://store/v1
    cacert: ~/ca.pem
    auth: {auth_url: 'http://k', token: secret-t, domain_id: d}
",
        )],
        expected: &[
            "auth.auth_url=http://k",
            "auth.domain_id=d",
            "auth.token=secret-t",
            "auth_type=v3token",
            "cacert=$root/home/ca.pem",
            "endpoint=http://store/v1",
            "interface=public",
            "region=R9",
            "verify=true",
        ],
        ..NOTHING
    },
    Case {
        about: "the default domain is that of user and project",
        files: &[(
            "cwd/clouds.yaml",
            "clouds: {c: {verify: off, auth: {auth_url: 'http://k', username: u, password: secret-p, project_name: p, default_domain_id: d}}}\n",
        )],
        expected: &[
            "auth.auth_url=http://k",
            "auth.password=secret-p",
            "auth.project_domain_id=d",
            "auth.project_name=p",
            "auth.user_domain_id=d",
            "auth.username=u",
            "auth_type=password",
            "interface=public",
            "verify=false",
        ],
        // keystoneauth does this when it logs in.
        compared: false,
        ..NOTHING
    },
];

const FOLDERS: &str = "$root/cwd, $root/home/.config/openstack, /etc/xdg/openstack, /etc/openstack";

pub const REFUSED: &[Case] = &[
    Case {
        about: "nothing anywhere",
        expected: &["no clouds.yaml in ", FOLDERS, "; write one, or set OS_AUTH_URL and its like"],
        ..NOTHING
    },
    Case {
        about: "a file without clouds",
        files: &[("cwd/clouds.yaml", "cache: {}\n")],
        expected: &["$root/cwd/clouds.yaml names no cloud; write one under the key `clouds`"],
        ..NOTHING
    },
    Case {
        about: "an unknown name",
        files: &[("cwd/clouds.yaml", TWO), ("cwd/secure.yaml", "clouds: {two-2: {}}\n")],
        name: Some("two"),
        expected: &[
            "no cloud is named `two`; $root/cwd/clouds.yaml, $root/cwd/secure.yaml know `one`, `two-2`",
        ],
        ..NOTHING
    },
    Case {
        about: "an unknown name, and no file",
        variables: &[("OS_CLOUD", "two")],
        expected: &["no cloud is named `two`; write it into clouds.yaml in one of the folders ", FOLDERS],
        ..NOTHING
    },
    Case {
        about: "no choice among several",
        files: &[("cwd/clouds.yaml", TWO)],
        expected: &["there are several clouds, `one`, `two-2`; choose one by name, or by OS_CLOUD"],
        ..NOTHING
    },
    Case {
        about: "a name that variables and a file give",
        files: &[("cwd/clouds.yaml", PASSWORD)],
        variables: &[("OS_CLOUD_NAME", "one")],
        expected: &[
            "the variables OS_* make a cloud named `one`, and so does a file; rename one, or set OS_CLOUD_NAME",
        ],
        ..NOTHING
    },
    Case {
        about: "a named file that is not there",
        files: &[("cwd/clouds.yaml", PASSWORD)],
        variables: &[("OS_CLIENT_CONFIG_FILE", "away.yaml")],
        expected: &[
            "OS_CLIENT_CONFIG_FILE names $root/cwd/away.yaml, which does not exist; correct or unset it",
        ],
        ..NOTHING
    },
    Case {
        about: "a folder in the place of a file",
        files: &[("cwd/clouds.yaml", "(a folder)")],
        expected: &["$root/cwd/clouds.yaml: cannot be read: is a directory; check its permissions"],
        ..NOTHING
    },
    Case {
        about: "an anchor",
        files: &[("cwd/clouds.yaml", "clouds:\n  a: &a {}\n  b: *a\n")],
        expected: &[
            "$root/cwd/clouds.yaml: 2:6: found an anchor (&); remove it and write the value out where it is used",
        ],
        ..NOTHING
    },
    Case {
        about: "JSON that is none",
        files: &[("cwd/clouds.json", "{\"clouds\": }")],
        expected: &["$root/cwd/clouds.json: not valid JSON: expected value at line 1 column 12; correct it"],
        ..NOTHING
    },
    Case {
        about: "a list of clouds",
        files: &[("cwd/clouds.yaml", "clouds: [one]\n")],
        expected: &["$root/cwd/clouds.yaml: clouds: found a list; expected a mapping"],
        ..NOTHING
    },
    Case {
        about: "a vendor's profile",
        files: &[("cwd/clouds.yaml", "clouds: {c: {profile: vexxhost}}\n")],
        expected: &[
            "cloud `c`: profile: vendors' profiles are not known here; write auth_url, region_name and the like out",
        ],
        ..NOTHING
    },
    Case {
        about: "another login",
        files: &[("cwd/clouds.yaml", "clouds: {c: {auth_type: v3kerberos}}\n")],
        expected: &[
            "cloud `c`: auth_type: found `v3kerberos`; expected one of `password`, `v3password`, ",
            "`v3applicationcredential`, `v1password`, `token`, `v3token`",
        ],
        ..NOTHING
    },
    Case {
        about: "what another login uses",
        files: &[("cwd/clouds.yaml", "clouds: {c: {auth: {auth_url: 'http://k', token: secret-t}}}\n")],
        expected: &[
            "cloud `c`: auth.token: this login does not use it; remove it, or write another auth_type",
        ],
        ..NOTHING
    },
    Case {
        about: "no URL",
        files: &[("cwd/clouds.yaml", "clouds: {c: {auth: {auth_url: ''}}}\n")],
        expected: &[
            "cloud `c`: auth.auth_url: is missing; write the URL to log in at, such as https://keystone.example/v3",
        ],
        ..NOTHING
    },
    Case {
        about: "a user's name without a domain",
        files: &[("cwd/clouds.yaml", "clouds: {c: {auth: {auth_url: 'http://k', username: u}}}\n")],
        expected: &[
            "cloud `c`: auth.user_domain_name: is missing; a user's name is unique only within a domain, often `Default`",
        ],
        ..NOTHING
    },
    Case {
        about: "no password",
        files: &[("cwd/clouds.yaml", "clouds: {c: {auth: {auth_url: 'http://k', user_id: u}}}\n")],
        expected: &["cloud `c`: auth.password: is missing; write it into secure.yaml"],
        ..NOTHING
    },
    Case {
        about: "a password that two readers of YAML read differently",
        files: &[(
            "cwd/clouds.yaml",
            "clouds: {c: {auth: {auth_url: 'http://k', user_id: u, password: 0123}}}\n",
        )],
        expected: &["cloud `c`: auth.password: found a number or time; expected a text: write it in quotes"],
        ..NOTHING
    },
    Case {
        about: "an interface that there is not",
        files: &[(
            "cwd/clouds.yaml",
            "clouds: {c: {interface: private, auth_type: token, auth: {auth_url: 'http://k', token: secret-t}}}\n",
        )],
        expected: &["cloud `c`: interface: found `private`; expected `public`, `internal` or `admin`"],
        ..NOTHING
    },
    Case {
        about: "a name in braces",
        files: &[(
            "cwd/clouds.yaml",
            "clouds: {c: {auth_type: token, auth: {auth_url: 'http://{password}', token: secret-t}}}\n",
        )],
        expected: &[
            "cloud `c`: auth.auth_url: of names in braces only {region_name} is known; write the URL out",
        ],
        ..NOTHING
    },
];
