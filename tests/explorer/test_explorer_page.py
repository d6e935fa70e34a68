"""The explorer's page in a real browser, as somebody without a mouse, with one, and on a phone sees
it.
"""

import io
import re
import threading

import pytest
from PIL import Image

from support.small_explorer import write_small_export
from support.small_models import random_images, small_wolf
from tfwolf.explorer.actions import Actions
from tfwolf.explorer.description import describe
from tfwolf.explorer.export_folder import read_details
from tfwolf.explorer.server import Server
from tfwolf.serving.c_api import Servable
from tfwolf.serving.versions import find_version

webdriver = pytest.importorskip('selenium.webdriver', reason='needs selenium (extra "test")')

SECONDS = 30


@pytest.fixture(scope='module')
def address(tmp_path_factory):
    """Returns the address of a page with a small real model."""
    version = find_version(
        str(
            write_small_export(
                small_wolf(images=random_images(32)), tmp_path_factory.mktemp('wolf')
            )
        )
    )
    servable = Servable(version)
    actions = Actions(servable, describe(servable.signatures, **read_details(version)), 'wolf/1')
    server = Server('127.0.0.1', 0, actions)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.address
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def page(browser, address):
    """Returns the browser with the page open and all its pictures there; nothing must have been
    written to its console in the end.
    """
    browser.get(address)
    until(
        browser,
        lambda: browser.execute_script(
            'return document.querySelectorAll(".cells img[src]").length === 49'
        ),
    )
    yield browser
    # A refused request is written there by the browser itself.
    assert not [
        entry['message']
        for entry in browser.get_log('browser')
        if '/api/upload - Failed to load resource' not in entry['message']
    ]


def until(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, SECONDS, 0.05).until(lambda _: condition())


def find(page, selector):
    return page.find_element('css selector', selector)


def shown(page, selector='#live'):
    return find(page, selector).get_attribute('src')


def changes(page, act, selector='#live'):
    """Does something and waits until a picture is another one, and all requests are answered."""
    before = shown(page, selector)
    act()
    until(page, lambda: shown(page, selector) != before)


def test_arrow_keys_on_a_slider_change_the_picture(page):
    for name in ('alpha', 'beta'):
        slider = find(page, f'#{name}')
        changes(page, lambda: slider.send_keys('\ue012' * 20))
        assert (
            slider.get_attribute('value') == '0.3' and find(page, f'#{name}-value').text == '0.30'
        )


def test_the_ends_of_the_sliders_are_the_images(page):
    for key, side in (('\ue011', 'a'), ('\ue010', 'b')):
        for name in ('alpha', 'beta'):
            find(page, f'#{name}').send_keys(key)
        until(page, lambda: shown(page) == shown(page, f'.slot[data-side={side}] img'))


def test_dragging_a_slider(page):
    slider = find(page, '#beta')
    changes(
        page,
        lambda: (
            webdriver.ActionChains(page)
            .drag_and_drop_by_offset(slider, slider.size['width'] // 4, 0)
            .perform()
        ),
    )
    assert float(slider.get_attribute('value')) > 0.7


def test_the_grid_by_mouse_and_by_keyboard(page):
    grid = find(page, '#grid')
    corner = {'width': grid.size['width'] // 2 - 5, 'height': grid.size['height'] // 2 - 5}
    click = (
        webdriver.ActionChains(page)
        .move_to_element_with_offset(grid, -corner['width'], corner['height'])
        .click()
    )
    changes(page, click.perform)
    # Bottom left: z of A and v of B.
    until(page, lambda: shown(page) == shown(page, '#z_of_a_v_of_b'))
    assert [find(page, f'#{name}').get_attribute('value') for name in ('alpha', 'beta')] == [
        '0',
        '1',
    ]
    changes(page, lambda: grid.send_keys('\ue014\ue013'))
    assert [find(page, f'#{name}').get_attribute('value') for name in ('alpha', 'beta')] == [
        '0.05',
        '0.95',
    ]


def test_a_sample_becomes_b(page):
    find(page, 'input[name=target][value=b]').send_keys(' ')
    sample = page.find_elements('css selector', '.gallery button')[7]
    changes(page, lambda: sample.send_keys('\ue007'))
    until(
        page,
        lambda: (
            shown(page, '.slot[data-side=b] img')
            == sample.find_element('css selector', 'img').get_attribute('src')
        ),
    )


def test_temperature_and_seed_change_the_samples(page):
    first = '.gallery button img'
    changes(page, lambda: find(page, '#temperature-v').send_keys('\ue012' * 5), first)
    changes(page, lambda: find(page, '#draw').click(), first)
    count = find(page, '#count')
    count.clear()
    count.send_keys('5\t')
    until(page, lambda: len(page.find_elements('css selector', '.gallery button')) == 5)
    count.clear()
    count.send_keys('500\t')
    until(
        page, lambda: 'Images must be a whole number from 1 to 100.' in find(page, '#message').text
    )
    count.clear()
    count.send_keys('6\t')
    until(page, lambda: not find(page, '#message').is_displayed())


def test_an_uploaded_picture(page, tmp_path):
    Image.new('RGB', (60, 40), (200, 30, 30)).save(tmp_path / 'red.webp')
    slot = find(page, '.slot[data-side=a]')
    changes(
        page,
        lambda: slot.find_element('css selector', 'input[type=file]').send_keys(
            str(tmp_path / 'red.webp')
        ),
    )
    assert (
        slot.find_element('css selector', '.note').text
        == 'red.webp: 60 × 40, cut to its centre and resized to 8 × 8'
    )
    until(
        page,
        lambda: re.fullmatch(
            r'\d+\.\d\d bits/dim', slot.find_element('css selector', '.bits').text
        ),
    )


def test_files_that_are_no_pictures_are_named_and_change_nothing(page, tmp_path):
    (tmp_path / 'letter.png').write_text('Dear all')
    (tmp_path / 'large.png').write_bytes(bytes(11 * 2**20))
    slot = find(page, '.slot[data-side=b]')
    before = shown(page, '.slot[data-side=b] img')
    for name, message in (
        (
            'letter.png',
            'letter.png: This is not a PNG, JPEG or WebP picture, whatever its name says.',
        ),
        ('large.png', 'large.png: a file may have at most 10 MB; this one has 11 MB.'),
    ):
        slot.find_element('css selector', 'input[type=file]').send_keys(str(tmp_path / name))
        until(page, lambda: slot.find_element('css selector', '.note').text == message)
    assert shown(page, '.slot[data-side=b] img') == before


def test_one_request_at_a_time_and_the_last_value_wins(page):
    counted = """
        const send = window.fetch; window.most = 0; window.sent = 0; let open = 0;
        window.fetch = async (...request) => {
          window.sent += 1; window.most = Math.max(window.most, ++open);
          await new Promise((done) => setTimeout(done, 100));
          try { return await send(...request); } finally { open -= 1; }
        };
        const slider = document.getElementById('alpha');
        for (let value = 0; value <= 100; value++) { slider.value = value / 100; slider.dispatchEvent(new Event('input')); }"""
    changes(page, lambda: page.execute_script(counted))
    for name in ('alpha', 'beta'):
        find(page, f'#{name}').send_keys('\ue010')
    until(page, lambda: shown(page) == shown(page, '.slot[data-side=b] img'))
    assert (
        page.execute_script('return window.most') == 1
        and page.execute_script('return window.sent') < 10
    )


def test_pictures_are_saved_as_they_are(browser, page, tmp_path):
    browser.execute_cdp_cmd(
        'Browser.setDownloadBehavior', {'behavior': 'allow', 'downloadPath': str(tmp_path)}
    )
    for selector, name, size in (
        ('#save-live', 'wolf_0.5_0.5.png', (8, 8)),
        ('.slot[data-side=a] .save', 'wolf_a.png', (8, 8)),
        ('#save-grid', 'wolf_grid.png', (62, 62)),
        ('#save-samples', 'wolf_samples.png', (71, 26)),
    ):
        find(page, selector).click()
        until(page, lambda: (tmp_path / name).exists())
        assert Image.open(io.BytesIO((tmp_path / name).read_bytes())).size == size


def test_nothing_is_loaded_from_elsewhere(page, address):
    loaded = page.execute_script(
        'return performance.getEntriesByType("resource").map((entry) => entry.name)'
    )
    assert len(loaded) > 8 and all(name.startswith((address, 'data:')) for name in loaded)


def test_a_phone_shows_all_of_it_in_its_width(browser, page):
    try:
        browser.execute_cdp_cmd(
            'Emulation.setDeviceMetricsOverride',
            {'width': 360, 'height': 740, 'deviceScaleFactor': 2, 'mobile': True},
        )
        assert browser.execute_script('return document.documentElement.scrollWidth') == 360
        touched = browser.find_elements('css selector', 'button, input[type=range], .button')
        small = [
            element.text or element.get_attribute('id')
            for element in touched
            if element.is_displayed() and element.size['height'] < 30
        ]
        assert not small, f'too small to touch: {small}'
    finally:
        browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


def test_a_server_that_is_gone_is_said_so(browser, page):
    browser.execute_cdp_cmd('Network.enable', {})
    browser.execute_cdp_cmd(
        'Network.emulateNetworkConditions',
        {'offline': True, 'latency': 0, 'downloadThroughput': 0, 'uploadThroughput': 0},
    )
    try:
        find(page, '#alpha').send_keys('\ue012')
        until(page, lambda: 'The explorer does not answer' in find(page, '#message').text)
    finally:
        browser.execute_cdp_cmd(
            'Network.emulateNetworkConditions',
            {'offline': False, 'latency': 0, 'downloadThroughput': -1, 'uploadThroughput': -1},
        )
    changes(page, lambda: find(page, '#alpha').send_keys('\ue012'))
    assert not find(page, '#message').is_displayed()
    page.get_log('browser')
