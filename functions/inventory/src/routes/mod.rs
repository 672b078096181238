//! `/stock` and `/shipments`: what people see of the stock, and what they do to it.

mod change;
mod check;
mod list;
mod movements;
mod shipment;
mod transfer;

use crate::app::App;
use axum::Json;
use axum::extract::State;
use chassis::{Api, Body, Key, Operation, Role, Scope};
use runtime::Problem;
use std::sync::Arc;
use stock::{BYTES_MAX, StockAnswer, StockCommand};

/// Adds its routes.
pub(crate) fn of_stock(api: Api<Arc<App>>) -> Api<Arc<App>> {
    let get = |path, what| Operation::get(path, what, Role::StockRead, Scope::NoPartner);
    let post = |path, what| {
        Operation::post(path, what, Role::Stock, Scope::NoPartner).bodies_up_to(BYTES_MAX)
    };
    let ships = "Says what was shipped of a confirmed sale, wholly or in part";
    let ship = Operation::post("/shipments", ships, Role::Stock, Scope::OnePartner);
    let put = Operation::put("/stock", "Sets stock", Role::Stock, Scope::NoPartner);
    api.at(get("/stock", "Stock of a warehouse, by product"), list::list)
        .at(get("/stock/movements", "What moved a product, the newest first"), movements::movements)
        .at(put.bodies_up_to(BYTES_MAX), set)
        .at(post("/stock/restock", "Adds goods that came in"), change::restock)
        .at(post("/stock/adjust", "Corrects stock by a difference"), change::adjust)
        .at(post("/stock/count", "Sets what was counted"), change::count)
        .at(post("/stock/transfer", "Moves goods to another warehouse"), transfer::transfer)
        .at(post("/stock/transfer/finish", "Ends a transfer that has left"), transfer::finish)
        .at(
            get("/stock/transfers", "Transfers that have left and not arrived"),
            transfer::unfinished,
        )
        .at(ship.bodies_up_to(BYTES_MAX), shipment::ship)
}

async fn set(
    State(app): State<Arc<App>>,
    key: Key,
    Body(command): Body<StockCommand>,
) -> Result<Json<StockAnswer>, Problem> {
    stock::set(&app.journals, &key, command).await.map(Json)
}
