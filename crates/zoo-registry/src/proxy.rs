//! Proxies as the environment names them, the way curl reads it.
//!
//! | variable                    | used for                                   |
//! |-----------------------------|--------------------------------------------|
//! | `https_proxy`, `HTTPS_PROXY` | `https` urls                              |
//! | `http_proxy`, `HTTP_PROXY`   | `http` urls; the upper case not inside CGI |
//! | `all_proxy`, `ALL_PROXY`     | both, where there is no variable of its own |
//! | `no_proxy`, `NO_PROXY`       | hosts that are asked directly             |
//!
//! Lower case wins; an empty value is none. A proxy is asked to `CONNECT`, for `http` urls
//! too: that is what the HTTP client underneath can do. It reads only one variable for both
//! schemes, passes over invalid ones, and knows neither domains, ports nor networks in
//! `NO_PROXY`: hence this module.

use std::fmt;
use std::net::IpAddr;

use ureq::Proxy;

use crate::web_url::WebOrigin;

/// A variable that names no proxy. The value is not shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error(
    "the environment variable {variable} does not name a proxy (such as http://host:8080 or \
     socks5://host:1080)"
)]
pub struct InvalidProxy {
    /// The variable.
    pub variable: &'static str,
}

/// Which proxy is used for which url.
#[derive(Clone, Default)]
pub struct Proxies {
    pub(crate) http: Option<Proxy>,
    pub(crate) https: Option<Proxy>,
    direct: Vec<Direct>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |proxy: &Option<Proxy>| {
            proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()))
        };
        f.debug_struct("Proxies")
            .field("http", &host(&self.http))
            .field("https", &host(&self.https))
            .field("direct", &self.direct)
            .finish()
    }
}

impl Proxies {
    /// Every server is asked directly.
    pub fn none() -> Self {
        Self::default()
    }

    /// What the environment of this process says.
    ///
    /// # Errors
    /// [`InvalidProxy`].
    pub fn from_env() -> Result<Self, InvalidProxy> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// What the variables say that `get` finds.
    ///
    /// # Errors
    /// [`InvalidProxy`].
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidProxy> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = get(name)?;
                let value = value.trim();
                (!value.is_empty()).then(|| (*name, value.to_owned()))
            })
        };
        let proxy = |names: &[&'static str]| match first(names) {
            Some((variable, value)) => {
                Proxy::new(&value).map(Some).map_err(|_| InvalidProxy { variable })
            }
            None => Ok(None),
        };
        // In a CGI program HTTP_PROXY is a request's `Proxy` header: anyone can set it.
        let cgi = get("REQUEST_METHOD").is_some();
        let http = if cgi { &["http_proxy"][..] } else { &["http_proxy", "HTTP_PROXY"] };
        let all = proxy(&["all_proxy", "ALL_PROXY"])?;
        Ok(Self {
            http: proxy(http)?.or_else(|| all.clone()),
            https: proxy(&["https_proxy", "HTTPS_PROXY"])?.or(all),
            direct: first(&["no_proxy", "NO_PROXY"]).map_or_else(Vec::new, |(_, value)| {
                value.split([',', ' ']).filter_map(|word| Direct::parse(word.trim())).collect()
            }),
        })
    }

    /// Whether `origin` is asked through a proxy.
    pub(crate) fn applies_to(&self, origin: &WebOrigin) -> bool {
        let proxy = if origin.https { &self.https } else { &self.http };
        proxy.is_some() && !self.direct.iter().any(|direct| direct.includes(origin))
    }
}

/// One word of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    Everything,
    /// The host and all below it, at this port or at any.
    Domain(String, Option<u16>),
    /// Addresses that agree with this one in so many first bits.
    Network(IpAddr, u8),
}

impl Direct {
    fn parse(word: &str) -> Option<Self> {
        if word == "*" {
            return Some(Self::Everything);
        }
        if let Some((address, bits)) = word.split_once('/') {
            return Some(Self::Network(address.parse().ok()?, bits.parse().ok()?));
        }
        let bare = word.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Network(address, 128));
        }
        let (host, port) = match word.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (word, None),
        };
        let host = host.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
        (!host.is_empty()).then_some(Self::Domain(host, port))
    }

    fn includes(&self, origin: &WebOrigin) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain, port) => {
                let host = origin.host.trim_end_matches('.');
                let below = host.strip_suffix(domain.as_str());
                port.is_none_or(|port| port == origin.port)
                    && below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Network(network, bits) => {
                let bare = origin.host.trim_start_matches('[').trim_end_matches(']');
                bare.parse().is_ok_and(|address| agree(*network, address, *bits))
            }
        }
    }
}

fn agree(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let same = |a: &[u8], b: &[u8]| {
        let bits = usize::from(bits).min(a.len() * 8);
        let (whole, rest) = (bits / 8, bits % 8);
        a[..whole] == b[..whole] && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0)
    };
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(&a.octets(), &b.octets()),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(&a.octets(), &b.octets()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, InvalidProxy> {
        Proxies::from_variables(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn host(proxy: Option<&Proxy>) -> &str {
        proxy.map_or("none", Proxy::host)
    }

    #[test]
    fn fault_061_which_variable_is_for_what() {
        for (variables, http, https) in [
            (&[("HTTP_PROXY", "http://p:1")][..], "p", "none"),
            (&[("HTTPS_PROXY", "p:1")], "none", "p"),
            (&[("ALL_PROXY", "socks5://p:1")], "p", "p"),
            (&[("ALL_PROXY", "p"), ("https_proxy", "q")], "p", "q"),
            (&[("HTTPS_PROXY", "p"), ("https_proxy", "q")], "none", "q"),
            (&[("HTTP_PROXY", "p"), ("REQUEST_METHOD", "GET")], "none", "none"),
            (&[("HTTP_PROXY", ""), ("ALL_PROXY", " ")], "none", "none"),
        ] {
            let proxies = proxies(variables).unwrap();
            assert_eq!(host(proxies.http.as_ref()), http, "{variables:?}");
            assert_eq!(host(proxies.https.as_ref()), https, "{variables:?}");
        }
    }

    #[test]
    fn fault_061_invalid_proxies_are_named_without_their_password() {
        for value in ["ftp://me:hunter2@p", "http://me:hunter2@", "://hunter2"] {
            let error = proxies(&[("HTTPS_PROXY", value)]).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("HTTPS_PROXY") && !text.contains("hunter2"), "{text}");
        }
        let valid = proxies(&[("HTTPS_PROXY", "http://me:hunter2@p:1")]).unwrap();
        assert!(!format!("{valid:?}").contains("hunter2"));
    }

    #[test]
    fn fault_061_no_proxy() {
        let through = |no_proxy: &str, url: &str| {
            let some = proxies(&[("ALL_PROXY", "p"), ("NO_PROXY", no_proxy)]).unwrap();
            some.applies_to(&WebOrigin::parse(url).unwrap())
        };
        for (no_proxy, url) in [
            ("*", "https://host"),
            ("host", "https://HOST"),
            ("other, host", "https://sub.host"),
            (".host", "https://host"),
            ("*.host", "https://sub.host"),
            ("host:8443", "https://host:8443"),
            ("10.0.0.0/8", "http://10.2.3.4"),
            ("127.0.0.1", "http://127.0.0.1:5"),
            ("::1", "http://[::1]"),
            ("fd00::/8", "http://[fd12::1]"),
        ] {
            assert!(!through(no_proxy, url), "{no_proxy:?} {url}");
        }
        for (no_proxy, url) in [
            ("", "https://host"),
            ("host", "https://myhost"),
            ("host", "https://host.evil"),
            ("host:8443", "https://host"),
            ("10.0.0.0/8", "http://11.2.3.4"),
            ("10.0.0.0/9", "http://10.200.3.4"),
            ("10.0.0.0/8", "http://10.host"),
        ] {
            assert!(through(no_proxy, url), "{no_proxy:?} {url}");
        }
    }
}
