use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::json;

use crate::config::{Driver, LogFormat, Settings};

/// Says where the registry listens, where it stores, and how to try it, whatever level is logged.
pub fn announce(settings: &Settings, bound: SocketAddr) {
    let storage = &settings.storage;
    let place = match storage.driver {
        Driver::Filesystem => format!("under {}", storage.root.display()),
        Driver::Swift => {
            format!("in the container {} of Swift", storage.container.as_deref().unwrap_or_default())
        }
    };
    let line = format!("listening on http://{bound}, storing {place}; try: {}", command(bound));
    match settings.log.format {
        LogFormat::Human => eprintln!("wharfinger {}: {line}", env!("CARGO_PKG_VERSION")),
        LogFormat::Json => eprintln!("{}", json!({ "level": "INFO", "message": line })),
    }
}

/// A command that pushes an image to here.
fn command(bound: SocketAddr) -> String {
    let everywhere = bound.ip().is_unspecified();
    let ip = if everywhere { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { bound.ip() };
    let host = SocketAddr::new(ip, bound.port());
    format!("podman push --tls-verify=false IMAGE {host}/NAME:TAG (or docker push, or skopeo copy)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_an_address_that_can_be_reached() {
        for (bound, host) in [
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "127.0.0.1:80"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            let command = command(bound.parse().unwrap());
            let push = format!("podman push --tls-verify=false IMAGE {host}/NAME:TAG ");
            assert!(command.starts_with(&push), "{command}");
        }
    }
}
