/** The coordinator's HTTP API, on loopback and behind a token. */
package dev.lockstep.coordinator.http;
