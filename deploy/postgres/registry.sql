-- Beside MLflow's own database; runs once, when the volume is new.
CREATE DATABASE registry;
