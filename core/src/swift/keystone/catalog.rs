use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::super::auth_error::{AuthError, presentable};
use super::super::bounded::Bounded;

/// Which endpoint of a cloud is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// `public`, `internal` or `admin`.
    pub interface: Box<str>,
    /// The region; `None` if there is but one.
    pub region: Option<Box<str>>,
    /// A storage URL that is used whatever the catalog says.
    pub storage_url: Option<Box<str>>,
}

impl Default for Choice {
    fn default() -> Self {
        Self { interface: "public".into(), region: None, storage_url: None }
    }
}

/// The services of a cloud, as a token comes with them.
#[derive(Deserialize)]
pub(super) struct Catalog(Bounded<Service, ROWS_MAX>);

#[derive(Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: Box<str>,
    #[serde(default)]
    endpoints: Bounded<Offer, ROWS_MAX>,
}

#[derive(Deserialize)]
struct Offer {
    interface: Box<str>,
    region: Option<Box<str>>,
    region_id: Option<Box<str>>,
    url: Box<str>,
}

impl Choice {
    pub(super) fn storage_url(&self, catalog: Option<&Catalog>) -> Result<Box<str>, AuthError> {
        if let Some(url) = &self.storage_url {
            return Ok(url.clone());
        }
        let services = &catalog.ok_or(AuthError::NoCatalog)?.0.0;
        if services.is_empty() {
            return Err(AuthError::NoCatalog);
        }
        let stores = services.iter().filter(|service| &*service.kind == "object-store");
        let offers: Vec<&Offer> = stores.flat_map(|service| &service.endpoints.0).collect();
        if offers.is_empty() {
            return Err(AuthError::NoObjectStore);
        }
        let mut fitting = offers.iter().filter(|offer| self.fits(offer));
        let Some(first) = fitting.next() else {
            return Err(AuthError::NoEndpoint {
                interface: presentable(&self.interface),
                region: self.region.as_deref().map(presentable),
                offered: offered(&offers),
            });
        };
        // The order of a catalog is nobody's promise: two replicas must not choose two stores.
        if fitting.any(|offer| offer.url != first.url) {
            let regions =
                offers.iter().filter(|offer| self.fits(offer)).map(|offer| offer.place().to_owned());
            return Err(AuthError::ManyRegions { regions: list(regions) });
        }
        Ok(first.url.clone())
    }

    fn fits(&self, offer: &Offer) -> bool {
        // Clients of Keystone v2 said `publicURL`, and some configurations still do.
        let interface = self.interface.strip_suffix("URL").unwrap_or(&self.interface);
        let region = self.region.as_deref();
        let in_region =
            region.is_none() || region == offer.region_id.as_deref() || region == offer.region.as_deref();
        &*offer.interface == interface && in_region
    }
}

impl Offer {
    fn place(&self) -> &str {
        self.region_id.as_deref().or(self.region.as_deref()).unwrap_or("no region")
    }
}

/// Every region, with its interfaces: what can be chosen.
fn offered(offers: &[&Offer]) -> Box<str> {
    let mut regions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for offer in offers {
        regions.entry(offer.place()).or_default().insert(&*offer.interface);
    }
    list(regions.into_iter().map(|(region, interfaces)| {
        let interfaces: Vec<&str> = interfaces.into_iter().collect();
        format!("{region} ({})", interfaces.join(", "))
    }))
}

/// Names in order, each once; of too many the first ones.
fn list(names: impl Iterator<Item = String>) -> Box<str> {
    let names: BTreeSet<Box<str>> = names.map(|name| presentable(&name)).collect();
    let mut text = String::new();
    for name in &names {
        if text.len() + name.len() > LIST_BYTES_MAX {
            text.push_str(", ...");
            break;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    text.into()
}

/// So long may a list of names in a message be.
const LIST_BYTES_MAX: usize = 1000;

/// No cloud has more services, and none of them more endpoints.
const ROWS_MAX: usize = 512;
