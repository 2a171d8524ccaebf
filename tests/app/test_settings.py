import pytest

from app.settings import Settings, SettingsError


def parsed(*argv: str, **environment: str) -> Settings:
    return Settings.from_arguments(list(argv), environment)


def test_by_default_only_this_machine_can_reach_the_page():
    settings = parsed()
    assert (settings.host, settings.share, settings.exposure) == ("127.0.0.1", False, "local")


@pytest.mark.parametrize(
    ("argv", "environment", "exposure"),
    [
        (["--host", "localhost"], {}, "local"),
        (["--host", "::1"], {}, "local"),
        (["--host", "0.0.0.0"], {}, "shared"),
        (["--host", "192.168.1.7"], {}, "shared"),
        (["--host", "studio.example.org"], {}, "shared"),
        (["--share"], {}, "shared"),
        ([], {"SPACE_ID": "someone/studio"}, "space"),
        (["--host", "127.0.0.1"], {"SPACE_ID": "someone/studio"}, "space"),
    ],
)
def test_exposure_follows_who_can_reach_the_page(argv, environment, exposure):
    assert parsed(*argv, **environment).exposure == exposure


def test_a_space_answers_on_all_addresses_and_asks_for_no_second_link():
    settings = parsed("--share", SPACE_ID="someone/studio")
    assert settings.host == "0.0.0.0" and not settings.share


def test_a_password_may_hold_colons():
    assert parsed("--auth", "me:a:b").auth == ("me", "a:b")


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parsed("--library", "sounds", "--workspace", "here").library == tmp_path / "sounds"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--auth", "me"], "USER:PASS"),
        (["--auth", "me:"], "USER:PASS"),
        (["--port", "0"], "1 to 65535"),
        (["--device", "gpu"], "auto, cpu"),
    ],
)
def test_what_cannot_be_met_is_refused_with_what_to_do(argv, said):
    with pytest.raises(SettingsError, match=said):
        parsed(*argv)


def test_a_workspace_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="name a folder"):
        parsed("--workspace", str(tmp_path / "file"))


def test_tools_for_language_models_are_for_this_machine_alone(monkeypatch):
    with pytest.raises(SettingsError, match="leave out --share and --host"):
        parsed("--mcp", "--host", "0.0.0.0")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install 'gradio\[mcp\]"):
        parsed("--mcp")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert parsed("--mcp").mcp and not parsed().mcp


def test_the_port_of_the_environment_must_be_one():
    assert parsed(GRADIO_SERVER_PORT="8123").port == 8123
    with pytest.raises(SettingsError, match="GRADIO_SERVER_PORT"):
        parsed(GRADIO_SERVER_PORT="http")
