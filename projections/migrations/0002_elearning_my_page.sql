-- One application as its student sees it. `amount` is an exact decimal text; `updated_at` is in
-- milliseconds since the Unix epoch; a revision of -1 means that the stream was not seen yet.
CREATE TABLE my_page (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL,
    student_name TEXT,
    book_id TEXT NOT NULL,
    book_name TEXT,
    book_qty BIGINT NOT NULL,
    amount TEXT NOT NULL,
    apply_status TEXT NOT NULL,
    delivery_address TEXT,
    pay_status TEXT NOT NULL,
    delivery_status TEXT NOT NULL,
    cancel_reason TEXT,
    fail_reason TEXT,
    updated_at BIGINT NOT NULL,
    apply_revision BIGINT NOT NULL,
    payment_revision BIGINT NOT NULL,
    delivery_revision BIGINT NOT NULL,
    position BIGINT NOT NULL
);

CREATE INDEX my_page_by_student ON my_page (student_id, id);
CREATE INDEX my_page_by_position ON my_page (position);
