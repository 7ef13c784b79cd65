/** What the machine is and has. */
package dev.lockstep.coordinator.host;
