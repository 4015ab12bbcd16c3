//! cqrs-es with its Postgres repository, in the database that PGHOST and its like name.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Result;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent};
use peers::{Peer, measure, version, writers};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// Fewer are slower, its default of 10 by half.
const CONNECTIONS: usize = 64;

/// Only its name counts here.
#[derive(Default, Serialize, Deserialize)]
struct Apply;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Applied;

impl DomainEvent for Applied {
    fn event_type(&self) -> String {
        "Applied".into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Apply {
    const TYPE: &'static str = "apply";
    type Command = ();
    type Event = Applied;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> Result<(), Infallible> {
        Ok(())
    }

    fn apply(&mut self, _: Applied) {}
}

#[tokio::main]
async fn main() -> Result<()> {
    let connections = writers()?.min(CONNECTIONS) as u32;
    let options = PgPoolOptions::new().min_connections(connections).max_connections(connections);
    let pool = options.connect_with(PgConnectOptions::new()).await?;
    // The columns that the repository writes.
    let table = "create table events (aggregate_type text, aggregate_id text, sequence bigint, \
                 event_type text not null, event_version text not null, payload json not null, \
                 metadata json not null, primary key (aggregate_type, aggregate_id, sequence))";
    sqlx::raw_sql(table).execute(&pool).await?;
    let repository = Arc::new(PostgresEventRepository::new(pool));
    let peer = Peer {
        name: "cqrs-es on Postgres",
        version: version("postgres-es"),
        settings: format!(
            "its repository alone, without command handling, over at most {CONNECTIONS} connections"
        ),
    };
    measure(peer, move |_, event| {
        let repository = Arc::clone(&repository);
        async move {
            let payload = serde_json::from_slice(&event.data)?;
            let event = SerializedEvent::new(
                event.stream,
                1,
                Apply::TYPE.into(),
                "Applied".into(),
                "1".into(),
                payload,
                serde_json::json!({}),
            );
            repository.persist::<Apply>(&[event], None).await?;
            Ok(())
        }
    })
    .await
}
