-- The application of the documents, and where the latencies lie.
wrk.method = "POST"
wrk.body = os.getenv("BODY")
wrk.headers["Content-Type"] = "application/json"

function done(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("figures %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status, failed, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
