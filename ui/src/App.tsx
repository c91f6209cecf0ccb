import { Redirect, Route, Switch } from "wouter";
import { ComparePage } from "./pages/compare/ComparePage";
import { FleetPage } from "./pages/fleet/FleetPage";
import { NotFound } from "./pages/NotFound";
import { NewPage } from "./pages/new/NewPage";
import { RunPage } from "./pages/run/RunPage";
import { RunsPage } from "./pages/runs/RunsPage";

/** Which page is at which address. */
export function App() {
  return (
    <Switch>
      <Route path="/">
        <Redirect to="/new" replace />
      </Route>
      <Route path="/new">
        <NewPage />
      </Route>
      <Route path="/runs">
        <RunsPage />
      </Route>
      <Route path="/runs/:id">{({ id }) => <RunPage key={id} runId={id} />}</Route>
      <Route path="/compare">
        <ComparePage />
      </Route>
      <Route path="/fleet">
        <FleetPage />
      </Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}
