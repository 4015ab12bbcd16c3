use crate::support::spawn_app;

/// DESIGN 9: what monitoring reads names what is behind, parked or stopped.
#[tokio::test]
async fn the_numbers_tell_where_everything_is() {
    let app = spawn_app().await;
    app.apply().await;
    app.settle().await;
    app.stop("delivery").await;
    let answer = app.request(reqwest::Method::GET, "/metrics").send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text().await.unwrap();
    for line in [
        "girok_store_writable 1",
        "girok_context_running{context=\"delivery\"} 0",
        "girok_policy_open_reactions{policy=\"settle-payment\"} 0",
        "girok_policy_parked_reactions{policy=\"start-delivery\"} 0",
        "girok_projection_healthy{projection=\"my_page\"} 1",
        "girok_http_request_duration_seconds_count{method=\"POST\",status=\"201\"} 1",
    ] {
        assert!(text.lines().any(|said| said == line), "{line} is not in {text}");
    }
    assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
}
