from services.opcua_bridge.domain.vision import VisionState, vision_state


def test_a_station_is_what_the_mesh_last_said_of_it():
    def state(*, mesh_away: bool = False, silent: bool = False, idle_s: float = 1.0) -> VisionState:
        return vision_state(mesh_away=mesh_away, silent=silent, idle_s=idle_s, idle_after_s=10)

    assert state() is VisionState.CONTINUOUS
    assert state(idle_s=11) is VisionState.READY
    assert state(idle_s=float("inf")) is VisionState.READY  # never a verdict, and nothing wrong
    assert state(silent=True) is VisionState.ERROR  # parts pass, no verdict comes: no camera or no model
    assert state(mesh_away=True) is VisionState.ERROR  # however lately it judged
