-- The body of the documents' load test (SPEC 1.7-19).
wrk.method = "POST"
wrk.body = '{"studentId":"test123", "bookId":"bok123", "qty": "11", "amount":"2000"}'
wrk.headers["Content-Type"] = "application/json"
