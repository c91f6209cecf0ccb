import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "uplot/dist/uPlot.min.css";
import "./style/tokens.css";
import "./style/base.css";
import { App } from "./App";

const place = document.getElementById("page");
if (place === null) throw new Error("index.html has no element with the id `page`");
createRoot(place).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
