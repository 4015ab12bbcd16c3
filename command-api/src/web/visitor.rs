//! Who looks at the page and in which language: what the address says, then what was said before,
//! then what the browser says.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::api::Api;
use super::lang::Lang;

const LANG: &str = "girok_lang";
const WHO: &str = "girok_who";

/// Half a year, in seconds.
const REMEMBERED: u32 = 15_552_000;

/// Who looks at the page, and what to remember of it.
pub(crate) struct Visitor {
    /// The language.
    pub(crate) lang: Lang,
    /// Whose rows are shown. Nobody logs in yet: whoever says so.
    pub(crate) who: Option<String>,
    /// What is to be seen: everything up to this position of the log.
    pub(crate) after: Option<u64>,
    /// What the address said, to be remembered.
    said: Vec<(&'static str, String)>,
}

impl FromRequestParts<Api> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self::new(parts.uri.query().unwrap_or_default(), api.source().who, &parts.headers))
    }
}

impl Visitor {
    /// `parameter` is where the address says who it is.
    fn new(query: &str, parameter: &str, headers: &HeaderMap) -> Self {
        let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let cookies = cookies(headers);
        let mut said = Vec::new();

        let wanted = query.get("lang").and_then(|lang| Lang::find(lang));
        if let Some(lang) = wanted {
            said.push((LANG, lang.code().to_owned()));
        }
        let before = || cookies.get(LANG).and_then(|lang| Lang::find(lang));
        let lang = wanted.or_else(before).unwrap_or_else(|| accepted(headers));

        // An empty name is nobody, and makes us forget whom we knew.
        let who = match query.get(parameter).map(|who| who.trim().to_owned()) {
            Some(who) => {
                said.push((WHO, who.clone()));
                Some(who)
            }
            None => cookies.get(WHO).cloned(),
        };
        let after = query.get("after").and_then(|after| after.parse().ok());
        Self { lang, who: who.filter(|who| !who.is_empty()), after, said }
    }

    /// The headers that make the browser remember what the address said.
    pub(crate) fn remember(&self) -> Vec<(HeaderName, HeaderValue)> {
        let cookie = |(name, text): &(&str, String)| {
            let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, text).finish();
            let age = if text.is_empty() { 0 } else { REMEMBERED };
            let cookie = format!("{pair}; Path=/; Max-Age={age}; SameSite=Lax; HttpOnly");
            let cookie = HeaderValue::from_str(&cookie).expect("an encoded pair is plain ASCII");
            (header::SET_COOKIE, cookie)
        };
        self.said.iter().map(cookie).collect()
    }
}

fn cookies(headers: &HeaderMap) -> HashMap<String, String> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).map(str::trim);
    pairs.flat_map(|pair| form_urlencoded::parse(pair.as_bytes()).into_owned()).collect()
}

/// The language that the browser likes best of ours; English if it likes neither.
fn accepted(headers: &HeaderMap) -> Lang {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|accepted| accepted.to_str().ok());
    let mut best = (Lang::En, 0.0);
    for range in accepted.unwrap_or_default().split(',') {
        let (range, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(0.0);
        let primary = range.trim().split('-').next().unwrap_or_default();
        if let Some(lang) = Lang::find(&primary.to_ascii_lowercase()).filter(|_| weight > best.1) {
            best = (lang, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(query: &str, cookie: &str, accept: &str) -> Visitor {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        Visitor::new(query, "studentId", &headers)
    }

    #[test]
    fn the_address_counts_more_than_the_memory_and_that_more_than_the_browser() {
        for (query, cookie, accept, lang) in [
            ("lang=ko", "girok_lang=en", "en", Lang::Ko),
            ("", "a=b; girok_lang=ko", "en", Lang::Ko),
            ("lang=fr", "", "ko-KR,ko;q=0.9,en;q=0.8", Lang::Ko),
            ("", "", "en-US,en;q=0.9,ko;q=0.8", Lang::En),
            ("", "", "fr, ko;q=0.1", Lang::Ko),
            ("", "", "fr", Lang::En),
        ] {
            assert_eq!(visitor(query, cookie, accept).lang, lang, "{query} {cookie} {accept}");
        }
    }

    #[test]
    fn who_looks_is_remembered_until_another_one_is_named() {
        let visitor_of = |query, cookie| visitor(query, cookie, "");
        let first = visitor_of("studentId=%ED%99%8D+1%3B", "");
        let cookie = first.remember()[0].1.to_str().unwrap().to_owned();
        let pair = cookie.split(';').next().unwrap();
        assert_eq!(visitor_of("", pair).who.as_deref(), Some("홍 1;"));
        assert_eq!(visitor_of("studentId=student2", pair).who.as_deref(), Some("student2"));
        let nobody = visitor_of("studentId=", pair);
        assert_eq!(nobody.who, None);
        assert!(nobody.remember()[0].1.to_str().unwrap().contains("Max-Age=0"));
    }
}
