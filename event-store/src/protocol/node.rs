//! What clients ask before anything else: which node, what it can do, whether it lives.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::Request as HttpRequest;
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::Response as HttpResponse;
use axum::{Json, response::IntoResponse};
use serde_json::json;
use tonic::{Request, Response, Status};

use super::PORT;
use super::convert::UuidForm;
use super::view::View;
use super::wire::gossip::gossip_server::Gossip;
use super::wire::gossip::{ClusterInfo, EndPoint, MemberInfo, member_info::VNodeState};
use super::wire::server_features::server_features_server::ServerFeatures;
use super::wire::server_features::{SupportedMethod, SupportedMethods};
use crate::Health;

/// The version of the protocol that is spoken, in the form that clients compare.
const VERSION: &str = "23.10.0";

/// Whom the client called: an address of ours that it can reach.
#[derive(Clone)]
struct Called(Authority);

/// Keeps the address for services that tell it to others.
pub(crate) async fn remember_authority(mut request: HttpRequest, next: Next) -> HttpResponse {
    let host = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
    if let Some(authority) = request.uri().authority().cloned().or_else(host) {
        request.extensions_mut().insert(Called(authority));
    }
    next.run(request).await
}

pub(crate) fn info(view: &View) -> impl IntoResponse + use<> {
    Json(json!({
        "esVersion": VERSION,
        "state": "leader",
        "features": { "atomPub": false, "projections": false, "userManagement": false },
        "storeId": view.store.id().to_string(),
    }))
}

/// 204 while the log is written, 503 with the reason while it is not.
pub(crate) fn live(view: &View) -> HttpResponse {
    match view.store.health() {
        Health::Ready => StatusCode::NO_CONTENT.into_response(),
        Health::ReadOnly(reason) | Health::Down(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
        }
    }
}

pub(crate) struct Node(pub(crate) Arc<View>);

#[tonic::async_trait]
impl Gossip for Node {
    /// A cluster of one, at the address that the client used.
    async fn read(&self, request: Request<()>) -> Result<Response<ClusterInfo>, Status> {
        let called = request.extensions().get::<Called>();
        let (address, port) = called.map_or(("127.0.0.1", PORT), |Called(authority)| {
            (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(PORT))
        });
        let ticks = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() / 100;
        let member = MemberInfo {
            instance_id: Some(UuidForm::Structured.of(self.0.store.id())),
            time_stamp: i64::try_from(ticks).unwrap_or(i64::MAX),
            state: VNodeState::Leader.into(),
            is_alive: true,
            http_end_point: Some(EndPoint { address: address.to_owned(), port: port.into() }),
        };
        Ok(Response::new(ClusterInfo { members: vec![member] }))
    }
}

#[tonic::async_trait]
impl ServerFeatures for Node {
    async fn get_supported_methods(&self, _: Request<()>) -> Result<Response<SupportedMethods>, Status> {
        let streams = "event_store.client.streams.streams";
        let groups = "event_store.client.persistent_subscriptions.persistentsubscriptions";
        let on: &[&str] = &["stream", "all"];
        let methods: &[(&str, &str, &[&str])] = &[
            ("append", streams, &[]),
            ("batchappend", streams, &["deadline_duration"]),
            ("read", streams, &["position", "events"]),
            ("delete", streams, &[]),
            ("tombstone", streams, &[]),
            ("create", groups, on),
            ("update", groups, on),
            ("delete", groups, on),
            ("read", groups, on),
            ("getinfo", groups, on),
            ("replayparked", groups, on),
            ("list", groups, on),
            ("restartsubsystem", groups, &[]),
            ("read", "event_store.client.gossip.gossip", &[]),
            ("getsupportedmethods", "event_store.client.server_features.serverfeatures", &[]),
        ];
        let methods = methods.iter().map(|(method, service, features)| SupportedMethod {
            method_name: (*method).to_owned(),
            service_name: (*service).to_owned(),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        });
        let methods = methods.collect();
        Ok(Response::new(SupportedMethods { methods, event_store_server_version: VERSION.to_owned() }))
    }
}
