"""The configuration files of Swift's servers."""

import getpass

HASH_PREFIX = "wharfinger"
HASH_SUFFIX = "rig"
DEVICE = "d1"
KINDS = ("account", "container", "object")
# What the services of a Keystone rig know of each other.
SERVICE_USER = "swift"
SERVICE_PASSWORD = "the-password-of-swift"
# The account of a rig without Keystone.
USER = "test:tester"
KEY = "testing"


def swift(options):
    """swift.conf"""
    return sections(
        ("swift-hash", {"swift_hash_path_prefix": HASH_PREFIX, "swift_hash_path_suffix": HASH_SUFFIX}),
        ("swift-constraints", {"max_file_size": options.max_file_size}),
    )


def storage(kind, folder, devices, port):
    """Configuration of one account, container or object server, and of the daemons beside it."""
    default = {
        "bind_port": port,
        "devices": devices,
        "mount_check": "false",
        "disable_fallocate": "true",
        **common(folder),
    }
    cache = {"recon_cache_path": folder / "cache"}
    daemons = {
        "account": ("replicator", "auditor", "reaper"),
        "container": ("replicator", "updater", "auditor", "sharder"),
        "object": ("replicator", "updater", "auditor"),
    }
    return sections(
        ("DEFAULT", default),
        ("pipeline:main", {"pipeline": f"healthcheck {kind}-server"}),
        (f"app:{kind}-server", {"use": f"egg:swift#{kind}", **cache}),
        ("filter:healthcheck", {"use": "egg:swift#healthcheck"}),
        # ssync goes over HTTP; the default needs a server of rsync.
        *((f"{kind}-{name}", {**cache, "sync_method": "ssync"}) for name in daemons[kind]),
    )


def expirer(folder, memcached):
    """Configuration of the daemon that removes expired objects."""
    return sections(
        ("DEFAULT", {**common(folder), "log_level": "INFO"}),
        ("object-expirer", {"dequeue_from_legacy": "true", "recon_cache_path": folder / "cache"}),
        ("pipeline:main", {"pipeline": "catch_errors cache proxy-server"}),
        ("app:proxy-server", {"use": "egg:swift#proxy"}),
        *cache(memcached),
        ("filter:catch_errors", {"use": "egg:swift#catch_errors"}),
    )


def proxy(options, folder, ports, identity):
    """Configuration of the proxy server; `identity` is the URL of Keystone, or None for accounts of its own."""
    logins = "authtoken keystoneauth" if identity else "tempauth"
    pipeline = (
        "catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk tempurl ratelimit "
        f"{logins} copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-logging proxy-server"
    )
    app = {
        "use": "egg:swift#proxy",
        "account_autocreate": "true",
        "node_timeout": options.node_timeout,
        "recoverable_node_timeout": options.node_timeout,
        "conn_timeout": 2,
        # A server that comes back is asked again at once.
        "error_suppression_limit": 1000000,
    }
    return sections(
        ("DEFAULT", {"bind_port": ports.proxy, "client_timeout": options.client_timeout, **common(folder)}),
        ("pipeline:main", {"pipeline": pipeline}),
        ("app:proxy-server", app),
        *((f"filter:{name.replace('_', '-')}", {"use": f"egg:swift#{name}"}) for name in ("container_quotas", "account_quotas")),
        *((f"filter:{name}", {"use": f"egg:swift#{name}"}) for name in PLAIN_FILTERS),
        ("filter:proxy-logging", {"use": "egg:swift#proxy_logging"}),
        ("filter:versioned_writes", {"use": "egg:swift#versioned_writes", "allow_object_versioning": "true"}),
        ("filter:slo", {"use": "egg:swift#slo", "max_manifest_segments": options.max_manifest_segments}),
        ("filter:ratelimit", ratelimit(options)),
        *cache(ports.memcached),
        *(keystone(identity) if identity else tempauth(options)),
    )


PLAIN_FILTERS = (
    "catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "tempurl", "copy", "dlo", "symlink",
)


def tempauth(options):
    """Accounts of Swift's own."""
    users = {"user_admin_admin": "admin .admin .reseller_admin", "user_test_tester": f"{KEY} .admin", "user_test_reader": "reading"}
    return [("filter:tempauth", {"use": "egg:swift#tempauth", "token_life": options.token_life, **users})]


def keystone(identity):
    """Accounts of Keystone."""
    token = {
        "paste.filter_factory": "keystonemiddleware.auth_token:filter_factory",
        "www_authenticate_uri": identity,
        "auth_url": identity,
        "auth_type": "password",
        "username": SERVICE_USER,
        "password": SERVICE_PASSWORD,
        "project_name": "service",
        "user_domain_id": "default",
        "project_domain_id": "default",
        "delay_auth_decision": "true",
        "cache": "swift.cache",
        "include_service_catalog": "false",
        "service_token_roles_required": "true",
    }
    rights = {"use": "egg:swift#keystoneauth", "operator_roles": "admin, member", "reseller_admin_role": "ResellerAdmin"}
    return [("filter:authtoken", token), ("filter:keystoneauth", rights)]


def ratelimit(options):
    """Writes to one container per second, if that is limited; more wait for a second at most, and are then refused (498)."""
    limit = {"use": "egg:swift#ratelimit", "clock_accuracy": 1000}
    if options.writes_per_second:
        limit.update({"container_ratelimit_0": options.writes_per_second, "max_sleep_time_seconds": 1})
    return limit


def cache(memcached):
    return [("filter:cache", {"use": "egg:swift#memcache", "memcache_servers": f"127.0.0.1:{memcached}"})]


def common(folder):
    return {
        "bind_ip": "127.0.0.1",
        "workers": 0,
        "swift_dir": folder / "etc",
        "recon_cache_path": folder / "cache",
        "user": getpass.getuser(),
        "log_level": "WARNING",
    }


def sections(*parts):
    """The text of a configuration file."""
    return "\n".join(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) for name, keys in parts)
