"use strict";
// Tells the page around what the payer did: that page alone, by its origin.
const said = document.getElementById("done").dataset;
parent.postMessage({ florinWallet: said.outcome, token: said.token || undefined }, said.origin);
