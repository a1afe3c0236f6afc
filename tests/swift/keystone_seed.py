"""Fills a fresh Keystone through its own API: projects, users, an application credential, the services' endpoints."""

import json

import configs
from install import RigError
from process import request

ADMIN_PASSWORD = "the-password-of-admin"
# They stand in the catalog until a rig knows its ports.
IDENTITY_URL = "http://identity.invalid"
STORE_URL = "http://object-store.invalid"
# In the catalog for another region: whoever takes the wrong row meets nobody there.
DECOY_URL = "http://127.0.0.2:9"
REGION, OTHER_REGION = "RegionOne", "RegionTwo"
DOMAIN = "Default"
PROJECT = "registry"
USER, PASSWORD = "wharfinger", "the-password-of-wharfinger"
OUTSIDER, OUTSIDER_PASSWORD = "outsider", "the-password-of-outsider"
CREDENTIAL, CREDENTIAL_SECRET = "wharfinger-rig", "the-secret-of-the-credential"


def fill(port):
    """Makes all there is to make; returns what tests need to know of it."""
    api = Api(port)
    api.login("admin", ADMIN_PASSWORD, "admin")
    roles = {role["name"]: role["id"] for role in api.call("GET", "/roles")["roles"]}
    for name in ("service", "member", "reader", "ResellerAdmin"):
        if name not in roles:
            roles[name] = api.create("role", {"name": name})
    service = api.create("project", {"name": "service", "domain_id": "default"})
    registry = api.create("project", {"name": PROJECT, "domain_id": "default"})
    api.create_user(configs.SERVICE_USER, configs.SERVICE_PASSWORD, service, [roles["admin"], roles["service"]])
    user = api.create_user(USER, PASSWORD, registry, [roles["member"]])
    api.create_user(OUTSIDER, OUTSIDER_PASSWORD, service, [roles["reader"]])
    fill_catalog(api)
    api.login(USER, PASSWORD, PROJECT)
    credential = {"name": CREDENTIAL, "secret": CREDENTIAL_SECRET, "roles": [{"name": "member"}]}
    made = api.call("POST", f"/users/{user}/application_credentials", {"application_credential": credential})
    return {
        "region": REGION,
        "domain": DOMAIN,
        "project": PROJECT,
        "project_id": registry,
        "user": USER,
        "user_id": user,
        "password": PASSWORD,
        "outsider": OUTSIDER,
        "outsider_password": OUTSIDER_PASSWORD,
        "credential": CREDENTIAL,
        "credential_id": made["application_credential"]["id"],
        "credential_secret": CREDENTIAL_SECRET,
    }


def fill_catalog(api):
    """Swift's endpoints in two regions, each with three interfaces."""
    swift = api.create("service", {"name": "swift", "type": "object-store"})
    api.call("POST", "/regions", {"region": {"id": OTHER_REGION}})
    for region, base in ((OTHER_REGION, DECOY_URL), (REGION, STORE_URL)):
        for interface in ("admin", "internal", "public"):
            url = base if interface == "admin" else base + "/v1/AUTH_$(project_id)s"
            api.create("endpoint", {"interface": interface, "region_id": region, "service_id": swift, "url": url})


class Api:
    """Keystone's API, version 3."""

    def __init__(self, port):
        self.port = port
        self.token = ""

    def call(self, method, path, content=None):
        """One request; returns what the answer says."""
        return self.exchange(method, path, content)[1]

    def exchange(self, method, path, content):
        fields = {"Content-Type": "application/json"}
        if self.token:
            fields["X-Auth-Token"] = self.token
        body = None if content is None else json.dumps(content)
        status, fields, body = request(self.port, method, "/v3" + path, fields, body)
        if status >= 300:
            raise RigError(f"keystone: {method} {path}: {status} {body.decode('utf-8', 'replace')}")
        return fields, json.loads(body) if body else None

    def login(self, user, password, project):
        """Becomes another user; returns the token."""
        self.token = ""
        domain = {"id": "default"}
        user = {"name": user, "domain": domain, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": project, "domain": domain}}
        fields, _ = self.exchange("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        self.token = fields["X-Subject-Token"]
        return self.token

    def create(self, kind, facts):
        """Makes something; returns its id."""
        return self.call("POST", f"/{kind}s", {kind: facts})[kind]["id"]

    def create_user(self, name, password, project, roles):
        """Makes a user with some roles in a project; returns its id."""
        user = self.create("user", {"name": name, "password": password, "domain_id": "default"})
        for role in roles:
            self.call("PUT", f"/projects/{project}/users/{user}/roles/{role}")
        return user
