//! nginx before a registry, with the configuration that a page of the documentation has.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long nginx may take to listen.
const START_MAX: Duration = Duration::from_secs(30);

/// A running nginx. Dropping it kills the process.
#[derive(Debug)]
pub struct Nginx(Child);

impl Nginx {
    /// Starts it in the directory `folder` with this text in the `http` part of its configuration, and waits until it listens
    /// at `address`.
    ///
    /// # Panics
    /// When it is not installed, or does not listen.
    pub fn start(folder: &Path, http: &str, address: SocketAddr) -> Self {
        let at = folder.display();
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places = places.map(|place| format!("{place}_temp_path {at}/{place};\n")).concat();
        let text = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{http}}}\n"
        );
        let config = folder.join("nginx.conf");
        std::fs::write(&config, text).expect("the folder of nginx must be writable");
        let mut command = Command::new("nginx");
        // Debian keeps it from the PATH of those who are not root.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command.env("PATH", path).arg("-p").arg(folder).arg("-c").arg(config).args(["-e", "stderr"]);
        let child = command.stdin(Stdio::null()).spawn();
        let mut nginx = Self(child.expect("nginx must be installed: apt-get install nginx"));
        let end = Instant::now() + START_MAX;
        while TcpStream::connect(address).is_err() {
            let ended = nginx.0.try_wait().expect("a child can be asked for");
            assert!(ended.is_none() && Instant::now() < end, "nginx does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines for nginx that a page has between its marks, each of the texts `from`, which stands there once, replaced.
///
/// # Panics
/// When the page has no such lines, or `from` stands there never or more than once.
pub fn lines_of(page: &str, replaced: &[(&str, String)]) -> String {
    let (_, rest) = page.split_once("<!-- nginx: begin -->\n```nginx\n").expect("it begins");
    let (text, _) = rest.split_once("```\n<!-- nginx: end -->").expect("it ends");
    replaced.iter().fold(text.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    })
}
