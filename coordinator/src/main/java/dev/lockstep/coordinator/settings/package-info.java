/** What users set: the options of a run and the coordinator's own settings, read, defaulted and checked. */
package dev.lockstep.coordinator.settings;
